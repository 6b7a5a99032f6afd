import multiprocessing
import os
import signal

from grader import batch
from grader.schedule.events import Retried, Started
from tests.attacks.course import SECRET
from tests.attacks.program import SHEETS


class Poisoned:
    """Kills the only worker as soon as it has begun on `poison`."""

    def __init__(self):
        self.retried = 0

    def begin(self, plan):
        pass

    def tell(self, event):
        self.retried += isinstance(event, Retried)
        if event == Started("poison"):
            for worker in multiprocessing.active_children():
                os.kill(worker.pid, signal.SIGKILL)

    def end(self):
        pass


def drill(course):
    for student in ("ann", "poison", "zoe"):
        course.neighbour(student)
    os.environ["GRADER_SECRET"] = SECRET
    display = Poisoned()
    try:
        options = batch.Options(
            course.hand_ins, course.out, str(SHEETS / course.sheet), 1, isolation=course.tier
        )
        outcome = batch.run_batch(options, display)
    finally:
        del os.environ["GRADER_SECRET"]
    ended = {result.student_id: (result.status, result.score) for result in outcome.results}
    assert ended["ann"] == ended["zoe"] == ("graded", 3)
    assert ended["poison"][0] == "infrastructure"
    assert display.retried == 2
    assert course.processes(seconds=5) == []
    course.run()  # what was ours is tried again, and what is known is not
    assert "[1/1] poison" in course.said, course.said
    assert {row["score"] for row in course.results().values()} == {3}
