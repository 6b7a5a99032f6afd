from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli import app
from grader.devices import Place
from grader.environment import lock
from grader.errors import AssignmentError, InfrastructureError
from grader.results import SubmissionResult
from grader.schedule import bundle as bundling
from grader.schedule.bundle import fingerprint, read_bundle, write_bundle
from grader.schedule.delivery import delivered, name_of
from grader.schedule.task import Opening, opening_of, require_devices, run_task
from grader.settings import Settings
from grader.submission import Submission, discover
from tests.conftest import HALF


@pytest.fixture
def handed_in(hand_in: Callable[..., Path], tmp_path: Path) -> tuple[Submission, ...]:
    """One who is right, one who is half so, one who handed in nothing that can be read."""
    hand_in("ann")
    folder = hand_in("bob", HALF)
    (folder / "eve").mkdir()
    (folder / "eve/notes.txt").write_text("sorry")
    return discover(folder, unpack_to=tmp_path / "unpacked").submissions


@pytest.fixture
def packed(handed_in: tuple[Submission, ...], settings: Settings, tmp_path: Path) -> Path:
    return write_bundle(tmp_path, handed_in, settings)


def graded(packed: Path, out: Path) -> dict[str, tuple[str, float]]:
    """Runs the task; gives status and score of whatever was told."""
    told: dict[str, tuple[str, float]] = {}

    def tell(result: SubmissionResult) -> None:
        told[result.student_id] = (result.status, result.score)

    run_task(packed, out, 1, tell)
    return told


def test_the_same_content_is_the_same_bundle(
    handed_in: tuple[Submission, ...], settings: Settings, packed: Path, tmp_path: Path
) -> None:
    assert write_bundle(tmp_path, handed_in, settings) == packed
    assert write_bundle(tmp_path, handed_in[:1], settings) != packed
    assert write_bundle(tmp_path, handed_in, replace(settings, tier="bwrap")) != packed


def test_a_bundle_holds_everything_but_the_secret(
    handed_in: tuple[Submission, ...], settings: Settings, packed: Path, tmp_path: Path
) -> None:
    assert settings.secret not in packed.read_bytes()
    read = read_bundle(packed, tmp_path / "there", settings.secret)
    assert read.unlike == ()
    assert [each.student_id for each in read.submissions] == ["ann", "bob", "eve"]
    for before, after in zip(handed_in, read.submissions, strict=True):
        assert settings.key(before) == read.settings.key(after) == read.keys[before.student_id]
        assert (before.problem, before.name, before.late) == (after.problem, after.name, after.late)
    assert read.submissions[0].notebook is not None
    assert read.submissions[0].notebook.is_relative_to(tmp_path / "there")
    assert read.settings.assignment.digest() == settings.assignment.digest()


def test_half_a_bundle_is_not_graded(packed: Path, tmp_path: Path) -> None:
    packed.write_bytes(packed.read_bytes()[:-2000])
    with pytest.raises(InfrastructureError, match="is not whole: make it again"):
        run_task(packed, tmp_path / "results", 1, lambda _: None)


def test_a_task_leaves_a_file_for_each_submission_and_does_none_twice(
    packed: Path, settings: Settings, handed_in: tuple[Submission, ...], tmp_path: Path
) -> None:
    out = tmp_path / "results"
    expected = {"ann": ("graded", 3), "bob": ("graded", 1), "eve": ("unreadable", 0)}
    assert graded(packed, out) == expected
    found = delivered(out / name_of("ann", settings.key(handed_in[0])))
    assert found is not None
    assert found.result.score == 3
    assert json.loads(found.notebook)["cells"]
    assert opening_of(packed, out) == Opening({}, lock=lock())
    assert graded(packed, out) == {}
    (out / name_of("bob", settings.key(handed_in[1]))).write_text("half")
    assert graded(packed, out) == {"bob": ("graded", 1)}


def test_a_requeued_task_marks_its_results(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_RESTART_COUNT", "2")
    restarts: list[int] = []
    run_task(packed, tmp_path / "r", 1, lambda r: restarts.append(r.provenance.restarts))
    assert restarts == [2, 2, 2]


def test_a_machine_that_is_not_alike_fails_on_our_side_and_says_how(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADER_SECRET", "another")
    monkeypatch.setattr(bundling, "package_versions", lambda: {"torch": "0.4"})
    reasons: list[str] = []
    fine = run_task(packed, tmp_path / "results", 1, lambda result: reasons.append(result.reason))
    assert not fine
    assert len(reasons) == 3
    assert "another course secret (share it as GRADER_SECRET)" in reasons[0]
    assert "torch 0.4 instead of" in reasons[0]
    assert "numpy none instead of" in reasons[0]


def test_what_failed_on_our_side_is_tried_again(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("GRADER_SECRET", "another")
        assert not run_task(packed, tmp_path / "results", 1, lambda _: None)
    assert graded(packed, tmp_path / "results")["ann"] == ("graded", 3)


def test_a_wrong_assignment_is_said_once_for_all(
    handed_in: tuple[Submission, ...], settings: Settings, sums: Path, tmp_path: Path
) -> None:
    (sums / "checks.py").write_text("1 / 0")
    packed = write_bundle(tmp_path, handed_in, settings)
    with pytest.raises(AssignmentError, match="ZeroDivisionError"):
        run_task(packed, tmp_path / "results", 1, lambda _: None)
    opening = opening_of(packed, tmp_path / "results")
    assert opening is not None
    assert "ZeroDivisionError" in opening.unfit


@pytest.mark.parametrize("visible", [None, "", "NoDevFiles", "-1", "0"], ids=str)
def test_devices_that_were_asked_for_are_there_or_it_is_our_fault(visible: str | None) -> None:
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    require_devices(0, environment)
    if visible == "0":
        require_devices(1, environment)
    with pytest.raises(InfrastructureError, match="asked for 2 GPU and was given"):
        require_devices(2, environment)


def test_a_requeued_task_without_its_device_fails_on_our_side(
    handed_in: tuple[Submission, ...],
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    settings = replace(settings, place=Place("cuda"))
    packed = write_bundle(tmp_path, handed_in, settings, gpus=1)
    ended = CliRunner().invoke(
        app, ["worker", "--bundle", str(packed), "--out", str(tmp_path / "results")]
    )
    assert ended.exit_code == 2
    assert ended.output.split() == [w for s in ("ann", "bob", "eve") for w in (s, "infrastructure")]
    found = delivered(tmp_path / "results" / name_of("ann", settings.key(handed_in[0])))
    assert found is not None
    assert "was given 0 (CUDA_VISIBLE_DEVICES is '')" in found.result.reason


def test_secrets_are_told_apart_without_being_told() -> None:
    assert fingerprint(b"one") != fingerprint(b"another")
    assert "one" not in fingerprint(b"one")
