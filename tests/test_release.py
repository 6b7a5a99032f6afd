"""The kit, from the command to what a student sees, with nothing of ours but the kit in reach."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from grader.assignment import installed, load
from grader.authored import catalogue_of
from grader.cli import app
from grader.errors import AssignmentError, UsageError
from grader.release import release
from grader.skeleton import make

ROOT = Path(__file__).parents[1]
# What a student's machine has: packages of others, and the kit.
ALONE = f"""
import sys
sys.path[:] = [".", *(p for p in sys.path if p not in ("", {str(ROOT)!r}))]
import importlib.util
assert importlib.util.find_spec("reference") is None
"""


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kit") / "vae"
    assert CliRunner().invoke(app, ["release", "vae", "--out", str(folder)]).exit_code == 0
    return folder


@pytest.fixture
def topic(tmp_path: Path) -> Path:
    """The kit of a new assignment."""
    folder = tmp_path / "kit"
    release(load(make(tmp_path / "my_topic")), folder)
    return folder


def alone(kit: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", ALONE + code],
        cwd=kit,
        env={"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def tried(kit: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What `pytest` says in the kit."""
    return alone(kit, f"import pytest; sys.exit(pytest.main({list(arguments)!r}))")


def lines_of_notebook(path: Path) -> tuple[set[str], set[str]]:
    """Lines of code in solutions, and outside of them."""
    solved, given = set(), set()
    for cell in nbformat.read(path, as_version=4).cells:
        inside = False
        for line in map(str.strip, cell.source.split("\n")):
            inside = (inside or "BEGIN SOLUTION" in line) and "END SOLUTION" not in line
            (solved if inside else given).add(line)
    return solved, given


def answer(kit: Path, body: Sequence[str]) -> None:
    """Writes an answer into the only stub of the new assignment's notebook."""
    path = kit / "my_topic.ipynb"
    notebook = nbformat.read(path, as_version=4)
    (cell,) = [cell for cell in notebook.cells if "raise NotImplementedError()" in cell.source]
    lines = [line for line in cell.source.split("\n") if "YOUR CODE HERE" not in line]
    place = lines.index("    raise NotImplementedError()")
    lines[place : place + 1] = [f"    {line}" for line in body]
    cell.source = "\n".join(lines)
    nbformat.write(notebook, path)


def test_the_stub_fails_with_what_is_missing(topic: Path) -> None:
    said = tried(topic)
    assert said.returncode == 1
    assert "not attempted: log_mean_exp is still as it was handed out" in said.stdout
    assert "0 of 2 points of the public checks" in said.stdout


def test_the_right_answer_passes(topic: Path) -> None:
    answer(topic, ["return torch.logsumexp(values, -1) - math.log(values.shape[-1])"])
    notebook = topic / "my_topic.ipynb"
    text = notebook.read_text("utf-8")
    notebook.write_text(text.replace("import torch", "import math\\nimport torch", 1), "utf-8")
    said = tried(topic)
    assert said.returncode == 0, said.stdout
    assert "2 of 2 points" in said.stdout


def test_a_mistake_is_named(topic: Path) -> None:
    answer(topic, ["return values.mean(dim=-1)"])
    said = tried(topic)
    assert said.returncode == 1
    assert "(log-mean-exp/mean-of-logs)" in said.stdout
    assert "The logarithm comes last" in said.stdout
    assert "Traceback" not in said.stdout


def test_a_cell_says_the_same(topic: Path) -> None:
    code = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("def log_mean_exp(values): return values.mean(-1)")
shell.run_cell("import grader; card = grader.check('1')")
card = shell.user_ns["card"]
print(card)
print(card._repr_html_())
try:
    grader = shell.user_ns["grader"]
    grader.check("7")
except Exception as error:
    print(error)
try:
    grader.check("1", assignment="vae")
except Exception as error:
    print(error)
"""
    said = alone(topic, code)
    assert "✗ log-mean-exp: log_mean_exp is the logarithm" in said.stdout, said.stderr
    assert "<table" in said.stdout
    assert "my_topic has no question '7'; it has 1, 2" in said.stdout
    assert "'vae' is not part of this kit" in said.stdout


def test_nothing_in_a_kit_is_secret(vae: Path) -> None:
    require_nothing_secret(vae, "vae")


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(installed()) - {"vae"}))
def test_nothing_in_any_kit_is_secret(tmp_path: Path, name: str) -> None:
    kit = tmp_path / name
    release(load(name), kit)
    require_nothing_secret(kit, name)


def require_nothing_secret(kit: Path, name: str) -> None:
    """Neither solution, rubric, reference, hidden check, mistake's code nor held-out datum."""
    require_public_files(kit, name)
    files = [path for path in kit.rglob("*") if path.is_file()]
    text = "\n".join(path.read_text("utf-8") for path in files if path.suffix != ".gz")
    assert "BEGIN SOLUTION" not in text.replace("`### BEGIN SOLUTION`", "")
    solved, given = lines_of_notebook(ROOT / "assignments" / name / "notebook.ipynb")
    _, kept = lines_of_notebook(kit / f"{name}.ipynb")
    secret = {line for line in solved - given if len(line) > 30}
    assert len(secret) > 5
    assert not secret & kept
    for question in load(name).questions:
        assert not question.rubric or question.rubric[:40] not in text
    table = json.loads((kit / "kit.json").read_text("utf-8"))["mistakes"]
    assert all(set(entry) == {"id", "function", "says"} for entry in table["mistakes"])
    assert set(table) == {"mistakes", "answers"}


def require_public_files(kit: Path, name: str) -> None:
    """Code is copied, from grader and from what the public checks import; of data, the training."""
    code = [path.relative_to(kit) for path in kit.rglob("*.py") if path.name != "conftest.py"]
    for place in code:
        assert place.parts[0] == "grader" or place.parts[:2] == ("assignments", name), place
        assert (kit / place).read_bytes() == (ROOT / place).read_bytes(), place
        assert "hidden" not in str(place)
    own = [place for place in code if place.parts[0] == "assignments"]
    together = "\n".join((kit / place).read_text("utf-8") for place in own)
    for place in own:
        stem = place.stem
        assert (
            stem in ("checks", "__init__")
            or re.search(rf"import.*\b{stem}\b", together)
            or (f".{stem} import" in together)
        ), place
    data = {path.name for path in (kit / "data").rglob("*") if path.is_file()}
    assert data == {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"}


def test_the_students_notebook_is_one_by_its_format(vae: Path) -> None:
    notebook = nbformat.read(vae / "vae.ipynb", as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert not [cell for cell in notebook.cells if cell.get("outputs")]


def test_every_mistake_is_known_by_its_sentence(vae: Path) -> None:
    catalogue = catalogue_of(load("vae"))
    assert catalogue is not None
    told = json.loads((vae / "kit.json").read_text("utf-8"))["mistakes"]["mistakes"]
    assert {entry["id"] for entry in told} == {mistake.id for mistake in catalogue.mistakes}


def test_a_kit_imports_nothing_that_it_does_not_bring(vae: Path) -> None:
    code = """
import grader.pytest_plugin, grader.card, grader.kit
from pathlib import Path
sheet = grader.kit.read_kit(Path())
print(len(sheet.checks), all(not check.hidden for check in sheet.checks))
ours = [m for n, m in sys.modules.items() if n.split(".")[0] in ("grader", "assignments")]
here = Path().resolve()
print({Path(m.__file__).resolve().is_relative_to(here) for m in ours if m.__file__})
"""
    said = alone(vae, code)
    assert said.stdout.split("\n")[1] == "{True}", said.stderr
    assert said.stdout.split("\n")[0].endswith("True")


def test_a_folder_that_exists_is_never_written_over(topic: Path) -> None:
    with pytest.raises(UsageError, match="exists: choose another --out"):
        release(load("vae"), topic)


def test_a_public_check_that_needs_a_reference_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "my_topic")
    checks = folder / "checks.py"
    checks.write_text(checks.read_text("utf-8") + "\nfrom reference import vae\n", "utf-8")
    with pytest.raises(AssignmentError, match=r"checks.py is public and imports reference"):
        release(load(folder), tmp_path / "kit")
    assert not (tmp_path / "kit").exists()


def test_a_kit_that_is_damaged_says_so(topic: Path) -> None:
    (topic / "kit.json").write_text("{", "utf-8")
    said = tried(topic)
    assert "unpack the kit once more" in said.stdout
