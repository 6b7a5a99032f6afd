from __future__ import annotations

import numpy as np
import pytest

from grader.wire.codec import decode, encode
from grader.wire.messages import Call, Handle, Request, request_from_data, request_to_data

REQUESTS = [
    Request("KLD", (Call((1.0, None), {"log_std": 2}, 7), Call())),
    Request(Handle(3, "Encoder"), (Call(),), method="net.forward", keep=True),
    Request("f", (Call((1,)),), wrt=(0, "x")),
]


@pytest.mark.parametrize("request_", REQUESTS)
def test_requests_cross_whole(request_: Request) -> None:
    assert request_from_data(decode(*encode(request_to_data(request_)))) == request_


def test_the_cotangent_crosses_as_an_array() -> None:
    request = Request("f", (Call(),), wrt=(0,), cotangent=np.arange(3.0))
    back = request_from_data(decode(*encode(request_to_data(request))))
    assert back.cotangent is not None
    assert np.array_equal(back.cotangent, [0.0, 1.0, 2.0])
