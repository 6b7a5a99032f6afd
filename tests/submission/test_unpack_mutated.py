"""Zips of arbitrary names and damaged bytes."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from grader.errors import SubmissionError
from grader.submission.unpack import unpack_export, unpack_submission
from tests.submission.conftest import MakeZip

NAME_PARTS = st.sampled_from(["..", ".", "a", "B", "b", "", "C:", "con", "\n", "é", "x" * 250, "~"])
NAMES = st.builds(
    lambda parts, separator: separator.join(parts),
    st.lists(NAME_PARTS, min_size=1, max_size=5),
    st.sampled_from(["/", "\\", "//"]),
) | st.text(min_size=1, max_size=30)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@settings(
    derandomize=True,
    max_examples=200,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(names=st.lists(NAMES, min_size=1, max_size=6))
def test_no_name_lands_outside(
    tmp_path_factory: pytest.TempPathFactory, make_zip: MakeZip, names: list[str]
) -> None:
    root = tmp_path_factory.mktemp("zip")
    archive = make_zip(root / "in" / "a.zip", [(name, "x") for name in names if _packs(name)])
    unpack_export(archive, root / "in" / "e" / "out")
    try:
        unpack_submission(archive, root / "in" / "s" / "out")
    except SubmissionError:
        assert not (root / "in" / "s" / "out").exists()
    assert {path.name for path in root.iterdir()} == {"in"}
    assert {path.name for path in (root / "in").iterdir()} == {"a.zip", "e", "s"}
    for place in ("e", "s"):
        assert {path.name for path in (root / "in" / place).iterdir()} <= {"out"}


def _packs(name: str) -> bool:
    """Whether zipfile is able to write the name at all."""
    return bool(name.split("\0")[0]) and name.isprintable() | ("\n" in name)


@settings(
    derandomize=True,
    max_examples=300,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_of_damaged_bytes_comes_what_was_packed_or_a_refusal(
    tmp_path_factory: pytest.TempPathFactory, make_zip: MakeZip, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("zip")
    packed = {"a/vae.ipynb": b"{}", "b.py": b"x = 1\n" * 30}
    archive = make_zip(root / "a.zip", packed)
    content = bytearray(archive.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    archive.write_bytes(content)
    try:
        unpack_submission(archive, root / "student")
        assert set(_contents(root / "student").values()) <= set(packed.values())
    except SubmissionError:
        assert not (root / "student").exists()
    refused: Collection[Path] = ()
    with suppress(SubmissionError):
        refused = unpack_export(archive, root / "export").problems
    for path, held in _contents(root / "export").items():
        assert held in packed.values() if path not in refused else held == b""
    assert {path.name for path in root.iterdir()} <= {"a.zip", "student", "export"}


def _contents(folder: Path) -> dict[Path, bytes]:
    """Of every file below; there is no link among them."""
    paths = list(folder.rglob("*"))
    assert not any(path.is_symlink() for path in paths)
    return {path: path.read_bytes() for path in paths if not path.is_dir()}
