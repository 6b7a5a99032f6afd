"""Who may come in: addresses that work once, and the sessions that they become."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

ENTRANCE = "/enter"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'self'; "
    "script-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_STRANGER = (
    "This page opens with the address that `grader review` prints, and each address opens it once. "
    "Start the command again for a new one; what was saved is kept.\n"
)


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Session:
    """One marker's browser.

    Attributes:
        form_key: stands in every form of this session, so that no other page can send one.
    """

    author: str
    form_key: str = field(default_factory=_secret)


class Door:
    """Lets markers in, and nobody else.

    Args:
        port: that the server listens on.
    """

    def __init__(self, port: int) -> None:
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._origin = f"http://127.0.0.1:{port}"
        # Browsers send cookies of one host to all of its ports.
        self._cookie = f"grader-review-{port}"
        self._invited: dict[str, str] = {}
        self._sessions: dict[str, Session] = {}

    def invite(self, author: str) -> str:
        """An address that lets one browser in, once, as this author."""
        token = _secret()
        self._invited[token] = author
        return f"{self._origin}{ENTRANCE}?token={token}"

    async def guard(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Middleware: the right host, a session, and headers that let nothing in or out."""
        response = await self._answer(request, call_next)
        response.headers.update(HEADERS)
        return response

    async def _answer(
        self, request: Request, call_next: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        # Any name may resolve to this machine; only its own are answered.
        if request.headers.get("host") not in self._hosts:
            return PlainTextResponse("unknown host\n", 421)
        if request.url.path == ENTRANCE:
            return self._enter(request.query_params.get("token", ""))
        session = self._sessions.get(request.cookies.get(self._cookie, ""))
        if session is None:
            return PlainTextResponse(_STRANGER, 403)
        request.state.session = session
        return await call_next(request)

    def _enter(self, token: str) -> Response:
        author = self._invited.pop(token, None)
        if author is None:
            return PlainTextResponse(_STRANGER, 403)
        key = _secret()
        self._sessions[key] = Session(author)
        response = RedirectResponse("/", 303)
        response.set_cookie(self._cookie, key, httponly=True, samesite="strict")
        return response
