"""The routes of the review: read, save, go on."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from jinja2 import ChoiceLoader, Environment, FileSystemLoader
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from grader.assignment import Question
from grader.marks import in_force, overtaken
from grader.review import answer, overview
from grader.review.desk import Desk, HandIn
from grader.review.door import Door, Session
from grader.review.form import Draft, FormError, draft, fields
from grader.review.saving import save
from reports.html import environment, static

_HERE = Path(__file__).parent
_STYLES = ("base.css", "student.css", "code.css")


class Pages:
    """The pages of one run.

    Args:
        desk: what is marked.
        write: writes grades and report anew and says where, or why it could not.
    """

    def __init__(self, desk: Desk, write: Callable[[], str]) -> None:
        self._desk = desk
        self._write = write
        self._templates = _templates()

    def index(self, request: Request, told: str = "") -> Response:
        """The sheet with its progress."""
        rows = overview.questions(self._desk, self._desk.marks.by_place())
        return self._page(request, "overview.html", rows=rows, told=told)

    def answers(self, request: Request) -> Response:
        """Every answer to one question."""
        question = self._question(request)
        rows = overview.answers(self._desk, question, self._desk.marks.by_place())
        return self._page(request, "answers.html", question=question, rows=rows)

    def answer(
        self, request: Request, typed: Draft | None = None, problem: str = "", status: int = 200
    ) -> Response:
        """One answer; what was typed and could not stand is in the form again."""
        question, hand_in = self._question(request), self._hand_in(request)
        if hand_in not in self._desk.answers(question):
            raise HTTPException(404)
        page = answer.page(self._desk, question, hand_in, self._desk.marks.by_place(), typed)
        return self._page(request, "answer.html", status, page=page, problem=problem)

    def notebook(self, request: Request) -> Response:
        """The whole notebook of one hand-in."""
        hand_in = self._hand_in(request)
        cells = answer.notebook(self._desk, hand_in)
        return self._page(request, "notebook.html", hand_in=hand_in, cells=cells)

    async def save(self, request: Request) -> Response:
        """Keeps a mark; shows both where another one had come into force meanwhile."""
        typed = draft(await _sent(request))
        return await run_in_threadpool(self._save, request, typed)

    async def write(self, request: Request) -> Response:
        """Writes grades and report now."""
        await _sent(request)
        told = await run_in_threadpool(self._write)
        return await run_in_threadpool(self.index, request, told)

    def _save(self, request: Request, typed: Draft) -> Response:
        question, hand_in = self._question(request), self._hand_in(request)
        waited = self._desk.open(hand_in, question, self._desk.marks.by_place())
        session: Session = request.state.session
        try:
            kept = save(self._desk, question, hand_in, session.author, typed)
        except FormError as error:
            return self.answer(request, typed, str(error), 422)
        marks = self._desk.marks.by_place()
        given = marks[kept.student_id, kept.question]
        if kept in overtaken(given):
            current = in_force(given)
            # Saved once more it follows what its author now sees.
            again = replace(typed, follows=current.id if current else 0, withdraws=False)
            return self.answer(request, again, status=409)
        onward = answer.next_waiting(self._desk, question, hand_in, marks) or "/"
        return RedirectResponse(onward if waited else answer.address(question, hand_in), 303)

    def _question(self, request: Request) -> Question:
        question = self._desk.question(request.path_params["question"])
        if question is None:
            raise HTTPException(404)
        return question

    def _hand_in(self, request: Request) -> HandIn:
        code = request.path_params["code"]
        for hand_in in self._desk.hand_ins:
            if hand_in.code == code:
                return hand_in
        raise HTTPException(404)

    def _page(
        self, request: Request, template: str, status: int = 200, **shown: object
    ) -> HTMLResponse:
        session: Session = request.state.session
        html = self._templates.get_template(template).render(
            session=session, desk=self._desk, **shown
        )
        return HTMLResponse(html, status)


def application(desk: Desk, door: Door, write: Callable[[], str]) -> Starlette:
    """The review as an ASGI application, which writes grades and report when it ends."""
    pages = Pages(desk, write)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(write)

    return Starlette(
        routes=[
            Route("/", pages.index),
            Route("/write", pages.write, methods=["POST"]),
            Route("/questions/{question}", pages.answers),
            Route("/questions/{question}/{code}", pages.answer),
            Route("/questions/{question}/{code}", pages.save, methods=["POST"]),
            Route("/notebooks/{code}", pages.notebook),
            Route("/style.css", _style),
            Route("/keys.js", _script),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=door.guard)],
        lifespan=lifespan,
    )


async def _sent(request: Request) -> dict[str, str]:
    """The fields of a form of ours; another site's has no key."""
    try:
        sent = await fields(request)
    except FormError as error:
        raise HTTPException(413, str(error)) from error
    session: Session = request.state.session
    if not secrets.compare_digest(sent.get("key", "").encode(), session.form_key.encode()):
        raise HTTPException(403, "This form is not of this session; load the page again.")
    return sent


def _style(_: Request) -> Response:
    own = (_HERE / "static" / "review.css").read_text("utf-8")
    return Response(f"{static(*_STYLES)}\n{own}", media_type="text/css")


def _script(_: Request) -> Response:
    return Response((_HERE / "static" / "keys.js").read_text("utf-8"), media_type="text/javascript")


def _templates() -> Environment:
    templates = environment()
    shared = templates.loader
    assert shared is not None
    templates.loader = ChoiceLoader([FileSystemLoader(_HERE / "templates"), shared])
    return templates
