"""What tests of both kinds of peers ask with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from grader.errors import SubjectError
from grader.kernel.remote import RemoteSubject

Make = Callable[..., RemoteSubject]


def fails(ask: Callable[[], Any]) -> SubjectError:
    with pytest.raises(SubjectError) as caught:
        ask()
    return caught.value
