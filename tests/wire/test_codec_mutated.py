from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.wire.codec import WireError, decode, encode
from grader.wire.messages import Failure, Handle
from tests.wire.test_codec import same

SAMPLES = [
    {"reply": [np.arange(6.0).reshape(2, 3), (np.float32(1), [np.zeros(2)])]},
    {"reply": Failure("KLD raised ValueError: no")},
    {"callback": 0, "args": [np.ones((2, 2), np.float32)], "kwargs": {"x": None}},
    {"reply": [float("nan"), 2**63 - 1, True, "text", Handle(1, "Encoder"), {"a": {"b": ()}}]},
]


@given(
    st.sampled_from(SAMPLES),
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 1 << 16), st.integers(0, 255), st.integers(0, 2)),
        min_size=1,
        max_size=6,
    ),
)
@settings(derandomize=True, max_examples=1500)
def test_a_mutated_message_is_refused_or_a_value_that_can_be_sent_again(
    value: Any, mutations: list[tuple[bool, int, int, int]]
) -> None:
    parts = [bytearray(part) for part in encode(value)]
    for in_header, where, byte, how in mutations:
        part = parts[0 if in_header else 1]
        position = where % (len(part) + 1)
        if how == 0:
            part[position : position + 1] = bytes([byte])
        elif how == 1:
            del part[position : position + 1 + byte % 8]
        else:
            part[position:position] = bytes([byte]) * (1 + byte % 4)
    try:
        decoded = decode(bytes(parts[0]), bytes(parts[1]))
    except WireError:
        return
    assert same(decode(*encode(decoded)), decoded)
