from __future__ import annotations

from pathlib import Path

import pytest

from grader.closure import closure, requirements


@pytest.fixture
def package(tmp_path: Path) -> Path:
    files = {
        "__init__.py": "",
        "a.py": "import numpy as np\nfrom ours.inner.b import f",
        "inner/__init__.py": "import json",
        "inner/b.py": "def f():\n    from ours import c\n    import torch.nn",
        "c.py": "from ours import a",
        "unused.py": "import scipy",
    }
    for name, text in files.items():
        path = tmp_path / "ours" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path / "ours"


def test_imports_are_followed_to_any_depth(package: Path) -> None:
    found = closure([package / "a.py"], {"ours": package})
    assert set(found.files) == {
        "ours/__init__.py",
        "ours/a.py",
        "ours/c.py",
        "ours/inner/__init__.py",
        "ours/inner/b.py",
    }
    assert found.packages == {"numpy", "torch"}
    assert "ours.inner.b" in found.imported


def test_a_root_deeper_down_keeps_its_place(package: Path) -> None:
    start = package / "start.py"
    start.write_text("from course.ours import c", "utf-8")
    found = closure([start], {"course.ours": package})
    assert {"course/ours/__init__.py", "course/ours/c.py"} <= set(found.files)


def test_requirements_name_distributions_with_our_bounds() -> None:
    assert requirements(["PIL", "numpy"]) == ["numpy>=1.26", "pillow>=10"]
    assert requirements(["IPython"]) == ["ipython"]
