from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader.assignment import Limits
from grader.kernel.job import Job
from grader.kernel.library import stage_library
from grader.sandbox import Sandbox
from grader.sandbox.bubblewrap import Bubblewrap

MakeJob = Callable[..., Job]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    problem = None
    marked = [item for item in items if item.get_closest_marker("sandbox")]
    if marked:
        problem = Bubblewrap().problem()
    for item in marked:
        if problem is not None:
            item.add_marker(pytest.mark.skip(reason=problem))


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stage_library(tmp_path_factory.mktemp("library"))


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    """Closed after the test, the last first."""
    with ExitStack() as stack:
        yield stack


def write_notebook(path: Path, *cells: str) -> Path:
    """A notebook of these code cells; one that begins with `# parameters` is tagged so."""
    nodes = [new_markdown_cell("# Title"), *map(new_code_cell, cells)]
    for cell in nodes:
        if cell.source.startswith("# parameters"):
            cell.metadata["tags"] = ["parameters"]
    nbformat.write(new_notebook(cells=nodes), path)
    return path


@pytest.fixture(scope="session")
def make_job(library: Path, tmp_path_factory: pytest.TempPathFactory) -> MakeJob:
    """Makes the job of executing a few cells under small limits."""

    def make(*cells: str, tier: str = "bwrap", slot: int = 0, **options: Any) -> Job:
        folder = tmp_path_factory.mktemp("job")
        limits = {
            "cell_seconds": 2,
            "total_seconds": 30,
            "call_seconds": 5,
            "memory": "1 GiB",
            "disk": "4 MiB",
            "output": "100 KiB",
        }
        parameters = options.pop("parameters", {})
        sandbox = {key: options.pop(key) for key in ("submission", "data") if key in options}
        return Job(
            notebook=write_notebook(folder / "work.ipynb", *cells),
            executed=folder / "executed.ipynb",
            tier=tier,
            sandbox=Sandbox(
                library=library, limits=Limits(**{**limits, **options}), slot=slot, **sandbox
            ),
            parameters=parameters,
        )

    return make
