"""A Slurm that runs for as long as the tests that need it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.slurm.nodes import Nodes, missing


@pytest.fixture(scope="session")
def _nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    if lacking := missing():
        pytest.skip(
            f"no {', '.join(lacking)}: install munge, slurmctld, slurmd and slurm-client, "
            "or type `make slurm`"
        )
    with Nodes(tmp_path_factory.mktemp("slurm")) as nodes:
        yield nodes


@pytest.fixture
def nodes(_nodes: Nodes, monkeypatch: pytest.MonkeyPatch) -> Nodes:
    """Two idle nodes, which Slurm's programs find."""
    monkeypatch.setenv("SLURM_CONF", str(_nodes.conf))
    return _nodes
