from __future__ import annotations

import struct
from pathlib import Path

import pytest

from grader.checks import event_files
from grader.checks.event_files import scalars

# Written by torch.utils.tensorboard.SummaryWriter (tensorboard 2.21): three steps of three tags,
# one of them in the new style, and a text.
LOG = (Path(__file__).parent / "logs" / "events.out.tfevents.0").read_bytes()


def by_tag(content: bytes) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for tag, step, value in scalars(content):
        found.setdefault(tag, []).append((step, value))
    return found


def test_scalars_of_a_real_log_are_read_in_both_styles() -> None:
    found = by_tag(LOG)
    assert set(found) == {"val/bpd", "epoch", "train/loss"}
    assert found["val/bpd"] == [(0, pytest.approx(4.01)), (100, 1.75), (200, 1.5)]
    assert found["epoch"] == [(0, 0.0), (100, 1.0), (200, 2.0)]
    assert found["train/loss"] == [(0, 200.0), (100, 199.0), (200, 198.0)]


@pytest.mark.parametrize("end", [0, 1, 11, 12, 40, len(LOG) // 2, len(LOG) - 1])
def test_a_log_that_breaks_off_gives_what_is_whole(end: int) -> None:
    whole = list(scalars(LOG))
    assert list(scalars(LOG[:end])) == whole[: len(list(scalars(LOG[:end])))]


def test_a_length_beyond_the_file_ends_it() -> None:
    assert list(scalars(struct.pack("<Q", 1 << 62) + b"\0" * 64)) == []


def test_bytes_that_are_no_log_give_nothing_and_do_no_harm() -> None:
    flips = [LOG[:i] + bytes([LOG[i] ^ 0xFF]) + LOG[i + 1 :] for i in range(len(LOG))]
    for damaged in flips:
        for tag, step, value in scalars(damaged):
            assert (type(tag), type(step), type(value)) == (str, int, float)


def test_a_flood_of_events_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_files, "MOST_EVENTS", 4)
    assert 0 < len(list(scalars(LOG))) < 9
