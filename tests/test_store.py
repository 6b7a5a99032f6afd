from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grader.checks.verdict import Outcome, Verdict
from grader.errors import InfrastructureError, UsageError
from grader.results import SubmissionResult
from grader.store import FILE, Store

PASSED = Verdict("one", "one_is_one", Outcome.PASSED, 1, 1)
FAILED = Verdict("two", "two_is_two", Outcome.FAILED, 0, 2)


def result(student_id: str, *verdicts: Verdict, status: str = "graded") -> SubmissionResult:
    return SubmissionResult.from_json(
        SubmissionResult(student_id, student_id, "sums", "graded", verdicts).to_json()
        | {"status": status}
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path) as opened:
        yield opened


@pytest.fixture
def landed(tmp_path: Path) -> Callable[[], list[tuple[str, str]]]:
    """Students and checks of the verdicts on disk, seen by another connection."""

    def read() -> list[tuple[str, str]]:
        db = sqlite3.connect(tmp_path / FILE)
        try:
            return db.execute(
                "select student_id, check_name from verdicts order by 1, 2"
            ).fetchall()
        finally:
            db.close()

    return read


def test_verdicts_land_one_by_one(
    store: Store, landed: Callable[[], list[tuple[str, str]]]
) -> None:
    store.add_verdict("ann", PASSED)
    assert landed() == [("ann", "one_is_one")]
    store.add_verdict("ann", FAILED)
    assert landed() == [("ann", "one_is_one"), ("ann", "two_is_two")]


def test_another_try_forgets_the_verdicts_of_this_student_only(
    store: Store, landed: Callable[[], list[tuple[str, str]]]
) -> None:
    store.add_verdict("ann", PASSED)
    store.add_verdict("bob", PASSED)
    store.begin("ann")
    assert landed() == [("bob", "one_is_one")]


def test_a_finished_submission_has_its_verdicts_in_its_result_alone(
    store: Store, landed: Callable[[], list[tuple[str, str]]]
) -> None:
    store.add_verdict("ann", PASSED)
    store.add_verdict("bob", PASSED)
    store.add_result("key", result("ann", PASSED))
    assert landed() == [("bob", "one_is_one")]


def test_results_of_an_assignment_are_read_again_each_time_and_after_the_end(
    tmp_path: Path,
) -> None:
    with Store(tmp_path) as store:
        store.add_result("key", result("ann"))
        kept = store.of("sums")
        assert list(kept) == [result("ann")]
        store.add_result("key", result("bob"))
    assert [found.student_id for found in kept] == ["ann", "bob"]
    assert len(kept) == 2
    assert result("bob") in kept
    assert list(store.of("products")) == []


def test_a_later_result_replaces_an_earlier_one(store: Store) -> None:
    store.add_result("key 1", result("ann", FAILED))
    store.add_result("key 2", result("ann", PASSED))
    assert list(store.results()) == [result("ann", PASSED)]
    assert store.finished("ann") == "key 2"


def test_results_are_ordered_by_student(store: Store) -> None:
    for student in ("eve", "ann", "bob"):
        store.add_result("key", result(student))
    assert [found.student_id for found in store.results()] == ["ann", "bob", "eve"]


def test_a_fault_of_ours_is_not_finished(store: Store) -> None:
    store.add_result("key", result("ann", status="infrastructure"))
    assert store.finished("ann") is None
    assert store.finished("nobody") is None


def test_who_is_gone_is_forgotten(
    store: Store, landed: Callable[[], list[tuple[str, str]]]
) -> None:
    for student in ("ann", "bob"):
        store.add_result("key", result(student))
        store.add_verdict(student, PASSED)
    store.forget_others({"bob", "new"})
    assert [found.student_id for found in store.results()] == ["bob"]
    assert landed() == [("bob", "one_is_one")]


def test_facts_are_replaced(store: Store) -> None:
    assert store.fact("assignment") is None
    store.set_fact("assignment", "a")
    store.set_fact("assignment", "b")
    assert store.fact("assignment") == "b"


def test_everything_is_there_after_opening_again(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add_result("key", result("ann", PASSED))
        store.set_fact("assignment", "a")
    with Store(tmp_path) as store:
        assert list(store.results()) == [result("ann", PASSED)]
        assert store.fact("assignment") == "a"


WRITER = """
import os, signal, sys
from pathlib import Path
from grader.checks.verdict import Outcome, Verdict
from grader.results import SubmissionResult
from grader.store import Store

store = Store(Path(sys.argv[1]))
for number in range(50):
    verdict = Verdict("one", "one_is_one", Outcome.PASSED, 1, 1)
    store.add_verdict(f"s{number:02}", verdict)
    store.add_result("key", SubmissionResult(f"s{number:02}", "n", "sums", "graded", (verdict,)))
with store._written():
    store._db.execute("delete from results")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_results_survive_a_kill_in_the_middle_of_writing(tmp_path: Path) -> None:
    writer = subprocess.run([sys.executable, "-c", WRITER, str(tmp_path)], check=False)
    assert writer.returncode == -signal.SIGKILL
    with Store(tmp_path) as store:
        assert len(list(store.results())) == 50
        store.add_result("key", result("after"))
        assert store.finished("after") == "key"


def test_a_second_run_on_the_same_folder_is_refused(store: Store, tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from grader.store import Store\n"
    code += "try: Store(Path(sys.argv[1]))\nexcept Exception as e: print(type(e).__name__, e)"
    second = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert second.stdout.startswith("UsageError another run is writing to")
    assert str(tmp_path) in second.stdout


def test_the_lock_is_given_back_when_opening_fails(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("student,grade\nann,10\n" * 100)
    for _ in range(2):
        with pytest.raises(UsageError, match=r"grader\.sqlite: file is not a database.*--out"):
            Store(tmp_path)


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nowhere cannot be written to \(No such file"):
        Store(tmp_path / "nowhere")


def test_a_folder_in_the_place_of_the_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    with pytest.raises(InfrastructureError, match="unable to open database file"):
        Store(tmp_path)


def test_a_full_disk_is_one_sentence_and_keeps_what_is_there(store: Store) -> None:
    store.add_result("key", result("ann", PASSED))
    pages = store._db.execute("pragma page_count").fetchone()[0]
    store._db.execute(f"pragma max_page_count = {pages}")
    long = Verdict("one", "one_is_one", Outcome.FAILED, 0, 1, message="x" * 100_000)
    with pytest.raises(InfrastructureError, match=r"database or disk is full.*free some space"):
        store.add_result("key", result("bob", long))
    assert [found.student_id for found in store.results()] == ["ann"]
    store._db.execute(f"pragma max_page_count = {pages + 1000}")
    store.add_result("key", result("bob", long))
    assert store.finished("bob") == "key"


def test_ctrl_c_in_a_transaction_leaves_the_next_one_possible(store: Store) -> None:
    store.set_fact("assignment", "a")

    def interrupted() -> None:
        with store._written():
            store._db.execute("delete from facts")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert store.fact("assignment") == "a"
    store.set_fact("assignment", "b")
    assert store.fact("assignment") == "b"


def test_a_damaged_file_is_one_sentence(store: Store, tmp_path: Path) -> None:
    store.add_result("key", result("ann", PASSED))
    store._db.execute("drop table results")
    with pytest.raises(InfrastructureError, match=r"grader\.sqlite cannot be read"):
        list(store.results())


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to become another user")
def test_a_read_only_file_is_one_sentence(tmp_path: Path) -> None:
    with Store(tmp_path):
        pass
    tmp_path.chmod(0o755)
    code = "import os, sys; from pathlib import Path; from grader.store import Store\n"
    code += "os.setuid(65534)\n"
    code += "try: Store(Path(sys.argv[1]))\nexcept Exception as e: print(type(e).__name__, e)"
    tried = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "cannot be written to (Permission denied)" in tried.stdout


def test_results_are_json_on_disk(store: Store, tmp_path: Path) -> None:
    store.add_result("key", result("ann", PASSED))
    (text,) = store._db.execute("select result from results").fetchone()
    assert json.loads(text)["student_id"] == "ann"
