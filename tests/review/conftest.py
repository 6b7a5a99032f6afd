from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from grader.review.app import application
from grader.review.desk import laid_out
from grader.review.door import Door
from tests.review import evening

PORT = 8765
ORIGIN = f"http://127.0.0.1:{PORT}"


class Marker:
    """A person with a browser: reads pages, fills in their form."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    def see(self, path: str) -> str:
        response = self.client.get(path)
        assert response.status_code == 200, response.text
        return response.text

    def form(self, path: str) -> dict[str, str]:
        """The fields of the marking form that are not for people."""
        page = self.see(path).partition('id="form"')[2]
        found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page)
        return dict(found)

    def send(self, path: str, form: dict[str, str], **typed: str) -> Response:
        return self.client.post(path, data=form | typed, follow_redirects=False)

    def mark(self, path: str, **typed: str) -> Response:
        return self.send(path, self.form(path), **typed)


Arrive: TypeAlias = Callable[[str], Marker]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return evening.run_of(tmp_path)


@pytest.fixture
def arrive(out: Path) -> Iterator[Arrive]:
    """Lets somebody in, by name, to one review of `out`."""
    with review(out) as let_in:
        yield let_in


@contextmanager
def review(out: Path, blind: bool = False) -> Iterator[Arrive]:
    door = Door(PORT)
    app = application(laid_out(out, blind), door, lambda: "written")

    def let_in(author: str) -> Marker:
        client = TestClient(app, base_url=ORIGIN)
        client.get(door.invite(author))
        return Marker(client)

    yield let_in


@pytest.fixture
def ann(arrive: Arrive) -> Marker:
    return arrive("Ann")


@pytest.fixture
def bo(arrive: Arrive) -> Marker:
    return arrive("Bo")
