from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
import torch

from grader.kernel.inside.definitions import READY, define, run_definitions
from grader.wire.channel import Channel
from grader.wire.codec import decode, encode
from grader.wire.messages import Call, Handle, Request, request_to_data

MODEL = """
import torch
from torch import nn

class Encoder(nn.Module):
    def __init__(self, width=WIDTH):
        super().__init__()
        self.net = nn.Linear(width, 1)
"""


def defined(*cells: str) -> dict[str, Any]:
    namespace = define(cells)
    return {name: value for name, value in namespace.items() if not name.startswith("__")}


def test_imports_settings_functions_and_classes_are_defined() -> None:
    names = defined("WIDTH = 3\nlatent_dim: int = 2\nWIDTH += 1", MODEL, "def f(x):\n    return x")
    assert names["WIDTH"] == 4
    assert names["latent_dim"] == 2
    assert names["Encoder"]().net.in_features == 4
    assert names["f"](5) == 5


@pytest.mark.parametrize(
    "statement",
    [
        "model = Encoder()",
        "models = [Encoder() for _ in range(3)]",
        "optimiser = torch.optim.Adam(model.parameters())",
        "losses = train()",
        "best = min(train(), 3)",
        "table = {'loss': train()}",
        "train()",
        "for epoch in range(10**12):\n    ran = True",
        "while True:\n    ran = True",
        "with torch.no_grad():\n    ran = True",
        "if train():\n    ran = True",
        "if True:\n    train()",
        "if True:\n    pass\nelse:\n    train()",
        "try:\n    import nowhere\nexcept ImportError:\n    train()",
        "try:\n    ran = True\nfinally:\n    train()",
        "first = (lambda loss=train(): loss)",
        "picked = [train][0]()",
        "method = Encoder.train(3)",
    ],
)
def test_work_is_not_done(statement: str) -> None:
    trained = "worked = []\ndef train():\n    worked.append(1)\n    return 1"
    names = defined("WIDTH = 1", MODEL, trained)
    after = defined("WIDTH = 1", MODEL, trained, statement)
    assert after["worked"] == []
    assert set(after) == set(names)


def test_lambdas_may_call_what_they_like_later() -> None:
    names = defined("def half(x):\n    return x / 2", "f = lambda x: half(x) + 1")
    assert names["f"](4) == 3


def test_calls_of_libraries_are_settings() -> None:
    names = defined("import torch\ndevice = torch.device('cpu')\nbetas = torch.linspace(0, 1, 3)")
    assert names["device"] == torch.device("cpu")
    assert names["betas"].tolist() == [0, 0.5, 1]


def test_definitions_below_a_condition_count() -> None:
    names = defined(
        "import torch\nif torch.cuda.is_available() or True:\n    def f():\n        return 1\n"
        "else:\n    f = None",
        "try:\n    import nowhere\nexcept ImportError:\n    nowhere = None",
    )
    assert names["f"]() == 1
    assert names["nowhere"] is None


def test_decorated_functions_are_defined_with_their_decorators() -> None:
    names = defined(
        "import functools\ndef twice(f):\n    return lambda x: 2 * f(x)",
        "@twice\ndef f(x):\n    return x\n\n@functools.cache\ndef g(x):\n    return x",
    )
    assert names["f"](3) == 6
    assert names["g"](3) == 3


def test_a_statement_that_fails_is_passed_over() -> None:
    names = defined("x = 1 / 0\ny = undefined + 1\nz = 3", "raise SystemExit\na = 1")
    assert names == {"z": 3, "a": 1}


def test_what_cannot_be_imported_costs_only_what_uses_it() -> None:
    names = defined(
        "import nowhere.at_all as absent\nimport math",
        "def fine():\n    return math.pi\n\ndef broken():\n    return absent.plot()",
    )
    assert names["fine"]() == pytest.approx(3.14159, abs=1e-5)
    with pytest.raises(ImportError, match=r"nowhere.at_all.plot is needed here, and No module"):
        names["broken"]()


@pytest.mark.parametrize(
    "cell",
    [
        "%matplotlib inline\nx = 1",
        "!pip install torch\nx = 1",
        "%%time\nx = 1",
        "files = !ls\nx = 1",
        "torch?\nx = 1",
        "if True:\n    %time pass\nx = 1",
        'text = """\n!not a command\n%nor a magic\n"""\nx = 1',
    ],
)
def test_magics_are_skipped_and_the_rest_of_the_cell_counts(cell: str) -> None:
    assert defined(cell)["x"] == 1


def test_text_that_looks_like_magic_keeps_its_lines() -> None:
    assert defined('text = """\n!a\n%b"""')["text"] == "\n!a\n%b"


@pytest.mark.parametrize("cell", ["def f(:", "x = \x00", "(" * 10_000, "%%bash\nls -l | wc", ""])
def test_a_cell_that_is_not_python_costs_the_others_nothing(cell: str) -> None:
    assert defined(cell, "x = 1") == {"x": 1}


def test_the_definitions_are_served_over_the_channel() -> None:
    ours, theirs = socket.socketpair()
    serving = threading.Thread(target=run_definitions, args=(theirs,))
    serving.start()
    channel = Channel(ours)
    channel.send(*encode(["class Model:\n    pass\nmodel = Model()"]))
    assert decode(*channel.receive()) == READY
    channel.send(*encode(request_to_data(Request("Model", (Call(),), keep=True))))
    assert decode(*channel.receive()) == {"reply": [Handle(0, "Model")]}
    channel.close()
    serving.join(5)
    assert not serving.is_alive()
