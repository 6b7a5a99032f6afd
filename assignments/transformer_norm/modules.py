"""Students who hand in classes for the functions: how theirs are built, loaded and called.

`LayerNorm(dim, eps)` or `PreNorm(sublayer, dim)`: constructors are told by what they call their
arguments, parameters by what they start with (a gain is one, a shift is zero).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.checks import Array, Callback, Handle, Subject
from grader.checks.subject import Call, Request, Value
from grader.checks.watching import Watched
from grader.errors import SubjectError

# By the function that they stand for.
CLASSES = {
    "layer_norm": ("LayerNorm", "LayerNormalization", "MyLayerNorm", "CustomLayerNorm"),
    "rms_norm": ("RMSNorm", "RmsNorm", "RMSNormalization"),
    "post_norm": ("PostNorm", "PostNormBlock", "PostLN", "PostNormResidual"),
    "pre_norm": ("PreNorm", "PreNormBlock", "PreLN", "PreNormResidual"),
    "pre_norm_block": ("PreNormAttentionBlock", "PreNormTransformerBlock"),
    "res_post_norm": ("ResPostNorm", "ResPostNormBlock", "ResPostLN", "ResidualPostNorm"),
}
_WORDS = {
    "dim": "dim d_model model_dim size hidden_size embed_dim embedding_dim emb_dim n_embd "
    "normalized_shape features num_features n_features hidden_dim width d channels ndim",
    "sublayer": "sublayer sub_layer fn f func function layer module block net a inner branch "
    "submodule sub_module attn attention mlp ffn",
    "norm": "norm ln layer_norm layernorm norm_layer normalization",
    "eps": "eps epsilon norm_eps layer_norm_eps variance_epsilon",
    "learns": "bias use_bias affine elementwise_affine",
    "dropout": "dropout dropout_p dropout_rate dropout_prob drop p",
}
_ROLES = {word: role for role, words in _WORDS.items() for word in words.split()}


@dataclass(frozen=True, slots=True)
class Built:
    """An object of a student's class.

    Attributes:
        handle: the object.
        takes_eps: whether epsilon was given to it; otherwise it keeps one of its own.
        takes_sublayer: whether the sublayer was; otherwise forward takes it.
    """

    handle: Handle
    takes_eps: bool = False
    takes_sublayer: bool = False


def class_of(subject: Subject, function: str) -> str | None:
    """Name of the student's class where no function was written."""
    if subject.definition(function).kind == "function":
        return None
    names = (function, *CLASSES.get(function, ()))
    return next((name for name in names if _is_class(subject, name)), None)


def _is_class(subject: Subject, name: str) -> bool:
    # A function's name may lead to a class through the names that the sheet accepts.
    return name in _ALL_CLASSES and subject.definition(name).kind == "class"


_ALL_CLASSES = frozenset(name for names in CLASSES.values() for name in names)


def build(subject: Subject, name: str, given: Mapping[str, Any]) -> Built:
    """An object of the class, from as many of `given` as its constructor knows.

    Args:
        subject: the student's code.
        name: of the class.
        given: values by role: dim, eps, sublayer, norm.

    Raises:
        SubjectError: no way of constructing it works; the error is that of the first way.
    """
    known = {**given, "dropout": 0.0, "learns": True}
    roles = {p: _ROLES[p.lower()] for p in subject.definition(name).parameters if _known(p)}
    with_norm = {p: known[role] for p, role in roles.items() if role in known}
    # Where a norm may be given, a default often stands for it, perhaps a class.
    chosen = {p: value for p, value in with_norm.items() if roles[p] != "norm"}
    ways: list[tuple[tuple[Any, ...], dict[str, Any]]] = [((), chosen), ((), with_norm)]
    dim, sublayer = given["dim"], given.get("sublayer")
    if sublayer is None:
        ways += [((dim,), {}), (([dim],), {})]
    else:
        ways += [((dim, sublayer), {}), ((sublayer, dim), {}), ((sublayer,), {}), ((dim,), {})]
    return _first_that_works(subject, name, ways)


def _known(parameter: str) -> bool:
    return parameter.lower() in _ROLES


def _first_that_works(
    subject: Subject, name: str, ways: Sequence[tuple[tuple[Any, ...], dict[str, Any]]]
) -> Built:
    errors = []
    for args, kwargs in ways:
        try:
            handle = subject.new(name, *args, **kwargs)
        except SubjectError as error:
            errors.append(error)
            continue
        _evaluate(subject, handle)
        roles = {_ROLES[parameter.lower()] for parameter in kwargs}
        takes_sublayer = "sublayer" in roles or any(isinstance(v, Callback) for v in args)
        return Built(handle, "eps" in roles, takes_sublayer)
    raise errors[0]


def _evaluate(subject: Subject, handle: Handle) -> None:
    with suppress(SubjectError):  # a plain class has no modes
        subject.call(handle, method="eval")


def load_norm(subject: Subject, handle: Handle, weight: Array, bias: Array | None) -> None:
    """Gives the object's gain and shift these values, wherever it keeps them.

    What it does not keep stays as it is: a norm without a gain then answers without one.
    """
    try:
        state = subject.state(handle)
    except SubjectError:
        return  # no module, so nothing that learns
    wanted = {1.0: weight, 0.0: bias}
    if bias is None and not any(np.all(value == 1) for value in state.values()):
        wanted[0.0] = weight - 1  # a gain that is kept as what it adds to one
    loaded = dict(state)
    for name, value in state.items():
        starts = next((start for start in wanted if value.size and np.all(value == start)), None)
        target = None if starts is None else wanted[starts]
        if target is not None and value.size == target.size:
            loaded[name] = target.reshape(value.shape).astype(value.dtype)
    subject.load_state(handle, loaded)


def note(subject: Subject, function: str, given: Sequence[Value], answer: Value) -> None:
    """Lets diagnosis know what a class answers to what the function would have been asked."""
    if isinstance(subject, Watched) and subject.function == function:
        subject.calls.append((Request(function, (Call(tuple(given)),)), answer))


def attempted(ask: Callable[[], Value]) -> Value | SubjectError:
    """The answer, or the error in its place, as `Subject.map` has it."""
    try:
        return ask()
    except SubjectError as error:
        return error
