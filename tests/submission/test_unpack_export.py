"""Exports of a whole class, in which a bad member costs nobody else anything."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from grader.errors import SubmissionError
from grader.submission import unpack
from grader.submission.unpack import Limits, unpack_export
from tests.submission.conftest import MakeZip
from tests.submission.zips import everything_below, member


def test_an_export_goes_on_after_a_bad_member(tmp_path: Path, make_zip: MakeZip) -> None:
    link = member("export/bob/vae.ipynb", mode=stat.S_IFLNK | 0o777)
    archive = make_zip(
        tmp_path / "a.zip",
        [
            ("export/alice/vae.ipynb", "{}"),
            (link, "/etc/passwd"),
            ("export/../../evil", "x"),
            ("export/Alice/vae.ipynb", "{}"),
        ],
    )
    refused = unpack_export(archive, tmp_path / "out")
    mark = tmp_path / "out/export/bob/vae.ipynb"
    assert list(refused.problems) == [mark]
    assert "is a symbolic link" in refused.problems[mark]
    assert mark.read_bytes() == b""
    assert not mark.is_symlink()
    assert len(refused.nameless) == 1
    assert "'export/../../evil' leads outside" in refused.nameless[0]
    assert (tmp_path / "out/export/Alice/vae.ipynb").read_text() == "{}"


def test_one_bomb_in_an_export_costs_the_others_nothing(tmp_path: Path, make_zip: MakeZip) -> None:
    archive = make_zip(
        tmp_path / "a.zip",
        {"bob/a.bin": bytes(64 << 20), "bob/b.ipynb": "{}", "carol/vae.ipynb": "{}"},
    )
    refused = unpack_export(archive, tmp_path / "out")
    assert "zip bomb" in refused.problems[tmp_path / "out/bob/a.bin"]
    assert everything_below(tmp_path / "out") == {
        "bob",
        "bob/a.bin",
        "carol",
        "carol/vae.ipynb",
    }


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_in_an_export_keeps_the_first(tmp_path: Path, make_zip: MakeZip) -> None:
    members: list[tuple[Any, Any]] = [("a/x.py", "1"), ("a/x.py", "2"), ("b/x.py", "3")]
    refused = unpack_export(make_zip(tmp_path / "a.zip", members), tmp_path / "out")
    assert (tmp_path / "out/a/x.py").read_text() == "1"
    assert "holds 'a/x.py' twice" in refused.nameless[0]


def test_an_export_as_a_whole_is_limited(
    tmp_path: Path, make_zip: MakeZip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "EXPORT", Limits(total_bytes=1 << 20))
    archive = make_zip(tmp_path / "a.zip", {f"{n}/x": bytes(400_000) for n in range(3)})
    with pytest.raises(SubmissionError, match="more than 1 MiB"):
        unpack_export(archive, tmp_path / "out")
