"""A namespace behind `LocalSubject`, which hands every request to the dispatcher as it is."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from grader.errors import SubjectError
from grader.kernel.local import LocalSubject


class Encoder(torch.nn.Module):
    def __init__(self, width: int = 2, scale: float = 1.0) -> None:
        super().__init__()
        self.net = torch.nn.Linear(width, 1)
        self.scale = scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(x) * self.scale

    @property
    def broken(self) -> Any:
        raise KeyError


def student(**namespace: Any) -> LocalSubject:
    return LocalSubject(namespace)


def fails(*args: Any, **namespace: Any) -> SubjectError:
    with pytest.raises(SubjectError) as caught:
        student(**namespace).call("f", *args)
    return caught.value
