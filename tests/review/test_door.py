from __future__ import annotations

from collections.abc import Callable

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from grader.review.door import Door

Visit = Callable[..., TestClient]


@pytest.fixture
def door() -> Door:
    return Door(8765)


@pytest.fixture
def visit(door: Door) -> Visit:
    """A browser that has not been here."""

    def who(request: Request) -> PlainTextResponse:
        return PlainTextResponse(request.state.session.author)

    app = Starlette(
        routes=[Route("/", who)], middleware=[Middleware(BaseHTTPMiddleware, dispatch=door.guard)]
    )

    def fresh(origin: str = "http://127.0.0.1:8765") -> TestClient:
        return TestClient(app, base_url=origin, follow_redirects=False)

    return fresh


def test_an_address_becomes_a_cookie_that_scripts_and_other_sites_never_see(
    door: Door, visit: Visit
) -> None:
    response = visit().get(door.invite("Ann"))
    assert (response.status_code, response.headers["location"]) == (303, "/")
    cookie = response.headers["set-cookie"]
    assert cookie.startswith("grader-review-8765=")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Domain" not in cookie


def test_the_token_is_not_the_cookie(door: Door, visit: Visit) -> None:
    address = door.invite("Ann")
    assert address.partition("token=")[2] not in visit().get(address).headers["set-cookie"]


def test_everybody_comes_in_under_their_own_name(door: Door, visit: Visit) -> None:
    ann, bo = visit(), visit()
    ann.get(door.invite("Ann"))
    bo.get(door.invite("Bo"))
    assert (ann.get("/").text, bo.get("/").text) == ("Ann", "Bo")


def test_an_address_opens_once(door: Door, visit: Visit) -> None:
    address = door.invite("Ann")
    assert visit().get(address).status_code == 303
    again = visit().get(address)
    assert again.status_code == 403
    assert "opens it once" in again.text
    assert "set-cookie" not in again.headers


@pytest.mark.parametrize("path", ["/", "/enter", "/enter?token=", "/enter?token=guessed", "/none"])
def test_without_an_address_there_is_nothing_to_see(visit: Visit, path: str) -> None:
    assert visit().get(path).status_code == 403


def test_a_guessed_cookie_is_nobody(visit: Visit) -> None:
    browser = visit()
    browser.cookies.set("grader-review-8765", "guessed")
    assert browser.get("/").status_code == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://evil.example:8765", "http://127.0.0.1:80"]
)
def test_a_name_that_was_made_to_point_here_is_not_answered(
    door: Door, visit: Visit, origin: str
) -> None:
    token = door.invite("Ann").partition("/enter")[2]
    refused = visit(origin).get(f"/enter{token}")
    assert refused.status_code == 421
    assert visit().get(f"/enter{token}").status_code == 303


def test_every_answer_forbids_foreign_scripts_frames_and_copies(door: Door, visit: Visit) -> None:
    for response in (visit().get("/"), visit().get(door.invite("Ann"))):
        policy = response.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["x-content-type-options"] == "nosniff"
