"""The kit of `vae` in an environment that has nothing but what it lists.

PyTorch is not downloaded again: it is linked from the environment that runs the tests. Everything
else comes from the package index.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli import app

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[1] / "assignments" / "vae" / "submissions"


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kit, unpacked, with `.venv` made as its README says."""
    folder = tmp_path_factory.mktemp("alone") / "vae"
    assert CliRunner().invoke(app, ["release", "vae", "--out", str(folder)]).exit_code == 0
    venv.create(folder / ".venv", with_pip=True, symlinks=True)
    _link_torch(folder / ".venv")
    typed(folder, "pip", "install", "--quiet", "-r", "requirements.txt", expected=0)
    return folder


def _link_torch(environment: Path) -> None:
    ours = Path(sysconfig.get_path("purelib"))
    theirs = environment / ours.relative_to(sys.prefix)
    for pattern in ("torch", "torchgen", "functorch", "torch-*.dist-info"):
        for path in ours.glob(pattern):
            (theirs / path.name).symlink_to(path)


def typed(kit: Path, program: str, *arguments: str, expected: int) -> str:
    """What a program of the kit's environment says."""
    done = subprocess.run(
        [kit / ".venv/bin" / program, *arguments],
        cwd=kit,
        env={"PATH": f"{kit}/.venv/bin:/usr/bin:/bin", "HOME": str(kit.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout


def handed(kit: Path, example: str) -> None:
    """Puts an example in the place of the student's notebook."""
    (notebook,) = (EXAMPLES / example).glob("*.ipynb")
    shutil.copyfile(notebook, kit / "vae.ipynb")


def test_nothing_of_ours_is_in_reach(kit: Path) -> None:
    code = "import importlib.util as u; print(u.find_spec('reference'), u.find_spec('reports'))"
    assert typed(kit, "python", "-c", code, expected=0).strip() == "None None"
    code = "import grader, pathlib; print(pathlib.Path(grader.__file__).parent.parent)"
    assert typed(kit, "python", "-c", code, expected=0).strip() == str(kit)


def test_the_stub_is_told_what_is_missing(kit: Path) -> None:
    said = typed(kit, "pytest", expected=1)
    assert "not attempted: KLD is still as it was handed out" in said
    assert "0 of" in said
    assert "Traceback" not in said


def test_a_mistake_is_called_by_its_name(kit: Path) -> None:
    handed(kit, "missing-half")
    said = typed(kit, "pytest", expected=1)
    assert "(kl/missing-half)" in said
    assert "reparam/" not in said


def test_what_is_right_passes(kit: Path) -> None:
    handed(kit, "right")
    assert "failed" not in typed(kit, "pytest", expected=0)
