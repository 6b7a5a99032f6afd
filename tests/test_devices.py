"""GPUs as a driver would describe them: none is needed here."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from grader import devices
from grader.devices import Place, place, visible_gpus
from grader.errors import UsageError
from grader.slots import isolation_on, place_elsewhere, place_for, slots

TWO = "0, GPU-aa11, NVIDIA H200, 580.1, 143771\n1, GPU-bb22, NVIDIA H200, 580.1, 143771\n"


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Puts an nvidia-smi on the path that says what it is told to."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "version", lambda _name: "2.9.0+cu128")

    def install(says: str, status: int = 0) -> None:
        program = tmp_path / "nvidia-smi"
        said = "".join(f"echo '{line}'\n" for line in says.splitlines())
        program.write_text(f"#!/bin/sh\n{said}exit {status}\n", "utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    return install


def test_the_driver_is_asked_for_its_gpus(driver: Callable[..., None]) -> None:
    driver(TWO)
    first, second = visible_gpus()
    assert (first.index, first.name, first.driver) == (0, "NVIDIA H200", "580.1")
    assert second.memory_bytes == 143771 * 2**20


@pytest.mark.parametrize(
    ("allowed", "indices"),
    [("1", [1]), ("1,0", [1, 0]), ("GPU-bb", [1]), ("", []), ("7", []), ("NoDevFiles", [])],
)
def test_what_the_environment_leaves_out_is_left_out(
    driver: Callable[..., None], monkeypatch: pytest.MonkeyPatch, allowed: str, indices: list[int]
) -> None:
    driver(TWO)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", allowed)
    assert [gpu.index for gpu in visible_gpus()] == indices


@pytest.mark.parametrize(
    ("says", "status"), [("No devices were found", 6), ("", 0), ("x, y, z", 0), ("0, a, b", 0)]
)
def test_a_driver_without_gpus_has_none(
    driver: Callable[..., None], says: str, status: int
) -> None:
    driver(says, status)
    assert visible_gpus() == ()


def test_auto_takes_a_gpu_where_there_is_one(driver: Callable[..., None]) -> None:
    driver(TWO)
    found = place("auto")
    assert (found.device, len(found.gpus)) == ("cuda", 2)
    assert found.said == "device cuda: 2 of 2 GPUs (NVIDIA H200)"
    assert found.named(3) == "cuda (NVIDIA H200, driver 580.1)"
    assert len(place("cuda", 1).gpus) == 1


def test_falling_back_to_the_cpu_is_said(driver: Callable[..., None]) -> None:
    found = place("auto")
    assert (found.device, found.gpus) == ("cpu", ())
    assert found.said == "device cpu, for the driver shows no GPU"
    with pytest.raises(UsageError, match=r"--device cuda: the driver shows no GPU; --device cpu"):
        place("cuda")


def test_a_torch_for_the_cpu_has_no_use_for_a_gpu(
    driver: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    driver(TWO)
    monkeypatch.setattr(devices, "version", lambda _name: "2.9.0+cpu")
    assert place("auto").said == "device cpu, for torch 2.9.0+cpu is a build for the CPU"


def test_on_the_cpu_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "visible_gpus", lambda: pytest.fail("asked"))
    assert place("cpu") == Place("cpu")
    assert place("cpu").named(0) == "cpu"


def test_slots_are_spread_over_the_gpus(driver: Callable[..., None]) -> None:
    driver(TWO)
    where = place("cuda")
    indices = [gpu.index for gpu in map(where.gpu, range(5)) if gpu]
    assert indices == [0, 1, 0, 1, 0]
    assert slots(where, 16, per_gpu=3, elsewhere=False) == 6
    assert slots(where, 2, per_gpu=3, elsewhere=False) == 2
    assert slots(Place("cpu"), 16, per_gpu=3, elsewhere=False) == 16


def test_warm_kernels_see_no_gpu(driver: Callable[..., None]) -> None:
    driver(TWO)
    where = place("cuda")
    assert isolation_on(where, "auto") == "bwrap"
    assert isolation_on(where, "none") == "none"
    assert isolation_on(Place("cpu"), "auto") == "auto"
    with pytest.raises(UsageError, match="warm kernels see no GPU"):
        place_for("cuda", None, "warm")
    assert place_for("auto", None, "warm").device == "cpu"


def test_another_machine_finds_its_own_device(driver: Callable[..., None]) -> None:
    driver(TWO)
    with pytest.raises(UsageError, match="leave it out with --on slurm"):
        place_elsewhere("auto", "auto", 0)
    assert place_elsewhere("cpu", "auto", 0).device == "cpu"
    assert place_elsewhere("cpu", "warm", 0).device == "cpu"


def test_gpus_of_other_machines_are_asked_for_by_the_task_alone() -> None:
    where = place_elsewhere("cpu", "auto", 1)
    assert (where.device, where.gpus) == ("cuda", ())
    assert isolation_on(where, "auto") == "bwrap"
    with pytest.raises(UsageError, match="--gpus-per-task alone"):
        place_elsewhere("cuda", "auto", 1)
    with pytest.raises(UsageError, match="warm kernels see no GPU"):
        place_elsewhere("cpu", "warm", 1)
