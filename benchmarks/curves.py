"""Learning curves of the reference's training runs, stored as JSON beside an assignment."""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import Any

import torch


def versions(device: torch.device) -> dict[str, str]:
    """What ran, such as "cpu (x86_64, 1 thread)" and the version of torch."""
    name = f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else _cpu()
    return {"device": name, "torch": torch.__version__}


def store(path: Path, about: dict[str, Any], run: dict[str, Any]) -> None:
    """Puts a run in the place of the one with its seed, at once or not at all.

    Args:
        path: the JSON file; made where it is missing.
        about: what is true of all runs: data set, model, device, versions, settings.
        run: a `seed`, and lists of figures by epoch.
    """
    before = json.loads(path.read_text("utf-8"))["runs"] if path.exists() else []
    others = [other for other in before if other["seed"] != run["seed"]]
    runs = sorted([*others, _rounded(run)], key=lambda one: int(one["seed"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = path.with_suffix(".new")
    waiting.write_text(_text(_rounded(about), runs), "utf-8")
    waiting.replace(path)


def _cpu() -> str:
    threads = torch.get_num_threads()
    return f"cpu ({platform.machine()}, {threads} thread{'s' * (threads > 1)})"


def _text(about: dict[str, Any], runs: list[dict[str, Any]]) -> str:
    """JSON with every list of figures on one line, so that a change of it can be read."""
    head = {**about, "seeds": [run["seed"] for run in runs]}
    lines = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    blocks = (
        ",\n".join(f"   {json.dumps(key)}: {json.dumps(value)}" for key, value in run.items())
        for run in runs
    )
    listed = ",\n".join(f"  {{\n{block}\n  }}" for block in blocks)
    return "{\n" + ",\n".join([*lines, f' "runs": [\n{listed}\n ]']) + "\n}\n"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_rounded(inner) for inner in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
