"""A checkpoint that was handed in, opened where its student's own code runs and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def load(make: Callable[[], Any], path: str) -> Any:
    """A model of the student's class with the state of a checkpoint.

    Args:
        make: the class; called without arguments.
        path: a `.safetensors` file, or what `torch.save` wrote of a `state_dict()`, perhaps under
            the key `state_dict`.

    Raises:
        RuntimeError: the state is that of another model.
    """
    model = make()
    state = _state(path)
    model.load_state_dict(state.get("state_dict", state))
    return model


def _state(path: str) -> dict[str, Any]:
    if path.endswith(".safetensors"):
        from safetensors.torch import load_file

        return load_file(path)
    import torch

    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)  # noqa: TID251  inside
    return state
