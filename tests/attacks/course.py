"""A class with hostile students in it, graded by the real command, and what that leaves behind."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grader.submission import slug
from tests.attacks.program import SHEETS, Attack, right
from tests.processes import running

SECRET = "of-the-course-and-nobody-elses"
# What no hostile hand-in may come to know, wherever it is put down.
SECRETS = (SECRET, "ONLY-THE-HIDDEN-CHECK-KNOWS", "THE-NEIGHBOURS-OWN-WORK")
# After so many attacks a student who means no harm is next.
ATTACKS_PER_NEIGHBOUR = 3
RUN_SECONDS = 900.0
LISTENER = "\0attacks-listen-here"
_COMMAND = "from grader.cli import app; app()"


@dataclass(slots=True)
class Course:
    """Folders of one run, and what it left.

    Attributes:
        root: holds all of them.
        tier: of isolation.
        sheet: what is handed in for.
        said: what the command printed.
        status: its exit status.
        left: sentences about what was still there afterwards.
        hostile: ids of students, by the attack.
    """

    root: Path
    tier: str
    sheet: str = "numbers"
    fonts: Path | None = None
    said: str = ""
    status: int = 0
    left: list[str] = field(default_factory=list)
    hostile: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _token: str = field(default_factory=lambda: uuid.uuid4().hex)

    def __post_init__(self) -> None:
        for folder in (self.hand_ins, self.scratch, self.root / "home"):
            folder.mkdir(parents=True)
        if self.fonts is not None:
            shutil.copytree(self.fonts, self.out / ".sandbox/matplotlib")

    @property
    def hand_ins(self) -> Path:
        """What the class handed in."""
        return self.root / "class"

    @property
    def out(self) -> Path:
        """Where the run writes."""
        return self.root / "out"

    @property
    def scratch(self) -> Path:
        """What the command takes for the place of temporary files."""
        return self.root / "tmp"

    def neighbour(self, name: str) -> None:
        """Somebody who means no harm."""
        (self.hand_ins / f"{name}.ipynb").write_text(right(self.sheet), "utf-8")

    def hand_in(self, attacks: Sequence[Attack]) -> None:
        """Everything hostile, and a neighbour after every few."""
        for number, attack in enumerate(attacks):
            self.hostile[attack.name] = attack.hand_in(self.hand_ins)
            if number % ATTACKS_PER_NEIGHBOUR == 0:
                self.neighbour(f"{attack.name[:2]}~neighbour")

    def run(self) -> None:
        """Grades, and looks at what is there afterwards that was not there before."""
        mounts, host = _mounts(), _strangers()
        handed_in = _listing(self.hand_ins)
        with _listening() as reached, self.started() as process:
            self.said, _ = process.communicate(timeout=RUN_SECONDS)
        self.status = process.returncode
        self.left = [f"visitor {name}" for name in reached]
        self.left += [f"process {line}" for line in self.processes(seconds=5)]
        self.left += [f"mount {line}" for line in sorted(_mounts() - mounts)]
        self.left += [f"file {path}" for path in sorted(_strangers() - host)]
        self.left += [f"temporary {path}" for path in self.scratch.iterdir()]
        self.left += [f"handed in {name}" for name in handed_in ^ _listing(self.hand_ins)]

    def command(self) -> list[str]:
        """The one that grades this class."""
        arguments = ["run", str(self.hand_ins), "--assignment", str(SHEETS / self.sheet)]
        arguments += ["--out", str(self.out), "--isolation", self.tier, "--jobs", "2"]
        return [sys.executable, "-c", _COMMAND, *arguments]

    @contextlib.contextmanager
    def started(self, *more: str) -> Iterator[subprocess.Popen[str]]:
        """The command, running, with `more` options; killed at the end if it still does."""
        environment = {
            **os.environ,
            "GRADER_SECRET": SECRET,
            "HOME": str(self.root / "home"),
            "TMPDIR": str(self.scratch),
            "OMP_NUM_THREADS": "1",
            "ATTACKED": self._token,
        }
        how: dict[str, Any] = {"errors": "backslashreplace", "start_new_session": True}
        with running([*self.command(), *more], env=environment, **how) as process:
            yield process

    def processes(self, seconds: float = 0.0) -> list[str]:
        """Those of this run: ours carry its token, those in a sandbox have its library in view."""
        end = time.monotonic() + seconds
        while (found := list(self._running())) and time.monotonic() < end:
            time.sleep(0.1)
        return found

    def _running(self) -> Iterator[str]:
        library = str(self.out / ".sandbox")
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                ours = self._token.encode() in (folder / "environ").read_bytes()
                if ours or library in (folder / "mountinfo").read_text("utf-8", "replace"):
                    line = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                    yield f"{folder.name}: {line[:120].decode('utf-8', 'replace')}"

    def results(self) -> dict[str, dict[str, Any]]:
        """Rows of `results.json` by student."""
        rows = json.loads((self.out / "results.json").read_text("utf-8"))["submissions"]
        return {row["student_id"]: row for row in rows}

    def shown(self, row: dict[str, Any]) -> str:
        """All that a notebook shows after it has run."""
        path = self.out / "notebooks" / (row["executed"] or "none")
        cells = json.loads(path.read_text("utf-8"))["cells"] if path.is_file() else []
        return json.dumps([cell.get("outputs", []) for cell in cells], ensure_ascii=False)

    def page(self, student_id: str) -> str:
        """The page of a student."""
        return (self.out / "report/students" / f"{slug(student_id)}.html").read_text("utf-8")


@contextlib.contextmanager
def _listening() -> Iterator[list[str]]:
    """A socket of the machine's that an attack knows the name of; tells who has come."""
    reached: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        with contextlib.suppress(OSError):  # another run listens, and is told
            listener.bind(LISTENER)
            listener.listen()
        listener.setblocking(False)
        yield reached
        with contextlib.suppress(OSError):
            listener.accept()[0].close()
            reached.append(LISTENER)


def _mounts() -> set[str]:
    lines = Path("/proc/self/mountinfo").read_text("utf-8").splitlines()
    return {line.split()[4] for line in lines}


def _strangers() -> set[Path]:
    """Files that attacks leave where they can: all of theirs are called `pwned`."""
    places = ("/", "/tmp", "/dev/shm", "/var/tmp", "/run", str(Path.home()), str(Path.cwd()))
    return {path for place in places for path in Path(place).glob("*pwned*")}


def _listing(folder: Path) -> set[str]:
    found = set()
    for path in folder.rglob("*"):
        about = path.lstat()
        found.add(f"{path.relative_to(folder)} {about.st_mode} {about.st_size} {about.st_mtime_ns}")
    return found
