"""DTU's `DDPM(network, beta_1, beta_T, T)`: how it is made, and for which data it is written.

The course's networks take rows of pixels or whole images, so a student's class may do either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, TypeAlias

import numpy as np

from assignments.ddpm import learning, reverse_walk
from assignments.ddpm.training_draws import STEPS, Step, small_data
from assignments.ddpm.watcher import Watcher, timestep_behind
from grader.checks import Array, Callback, CheckFailure, Handle, Subject, as_array, evidence
from grader.errors import SubjectError

FIRST, LAST = 0.1, 0.5
BETAS = np.linspace(FIRST, LAST, STEPS)
# Rows first; the last ones are for code that names the size of the course's images.
SHAPES = ((16,), (1, 4, 4), (4, 4), (1, 28, 28), (784,))
_FEW = 3  # no size of an image, so that nothing fits by accident

Seed = Callable[[str], int]
Shape: TypeAlias = tuple[int, ...]


def model(subject: Subject, network: Callable[..., Any] | Handle) -> Handle:
    """The student's model around a network, with a short chain of large steps."""
    inner = network if isinstance(network, Handle) else Callback(network)
    takes = subject.definition("DDPM").parameters
    more: dict[str, Any] = {"device": "cpu"} if "device" in takes else {}
    if {"beta_1", "beta_T", "T"} <= set(takes):
        return subject.new("DDPM", inner, beta_1=FIRST, beta_T=LAST, T=STEPS, **more)
    return subject.new("DDPM", inner, FIRST, LAST, STEPS, **more)


def elbo(subject: Subject, seed: Seed) -> Step:
    """A step of training; each has a seed of its own."""
    numbers = count()

    def step(network: Watcher, data: Array) -> Any:
        made = model(subject, _in_shape(network, data.shape[1:]))
        one_seed = seed(f"step {next(numbers)}")
        return subject.call(made, data, method="negative_elbo", seed=one_seed)

    return step


def sampled(subject: Subject, shape: Shape, seed: int) -> Callable[[Watcher], Any]:
    """The student's sampler, asked for samples of a shape."""

    def sampler(network: Watcher) -> Any:
        made = model(subject, _in_shape(network, shape[1:]))
        return subject.call(made, shape, method="sample", seed=seed)

    return sampler


def _in_shape(network: Watcher, shape: Shape) -> Callable[..., Array]:
    """The network, shown examples in the shape of the data where the student shows it another."""

    def shown(*args: Any, **kwargs: Any) -> Array:
        first, *others = *args, *kwargs.values()
        x = np.asarray(first)
        fits = x.ndim > 1 and math.prod(x.shape[1:]) == math.prod(shape)
        rows = x.reshape(len(x), *shape) if fits else x
        return network(rows, *others).reshape(x.shape)

    return shown


def trained_shape(subject: Subject, seed: Seed) -> Shape:
    """The shape of an example that the student's negative_elbo is written for."""

    def fits(shape: Shape) -> bool:
        network = Watcher()
        loss = as_array(elbo(subject, seed)(network, small_data((_FEW, *shape))))
        rows = [len(call.x) for call in network.calls if call.x.shape[1:] == shape]
        return sum(rows) == _FEW and loss.size in (1, _FEW, _FEW * math.prod(shape))

    return _first(fits)


def sampled_shape(subject: Subject, seed: Seed) -> Shape:
    """The shape of an example that the student's sampler is written for."""

    def fits(shape: Shape) -> bool:
        whole = (_FEW, *shape)
        reverse_walk.walk(sampled(subject, whole, seed("shape")), whole)
        return True

    return _first(fits)


def with_untrained(times: Mapping[float, int], taken: reverse_walk.Walk) -> dict[float, int]:
    """The times of training, and for a t that is never trained the one that the sampler tells.

    Training that leaves a timestep out is marked down where training is asked for.
    """
    known = dict(times)
    for place, call in enumerate(taken.calls):
        t, told = STEPS - place, float(call.time[0])
        if t not in times.values() and timestep_behind(told, times) is None:
            known[told] = t
    return known


def _first(fits: Callable[[Shape], bool]) -> Shape:
    """The first shape that fits; rows where none does."""
    for shape in SHAPES:
        try:
            if fits(shape):
                evidence(examples_of_shape=list(shape))
                return shape
        except (CheckFailure, SubjectError):
            continue
    return SHAPES[0]


def expect_learning(subject: Subject, shape: Shape, seed: int) -> None:
    """Demands that a backward pass from negative_elbo reaches the network's weights.

    Raises:
        CheckFailure: nothing reaches them.
    """
    data, watcher = small_data((4, *shape)), Watcher()
    own = subject.new(model(subject, watcher), data, method="negative_elbo", seed=seed)
    if not watcher.calls:
        return  # marked down where the network's time is asked for
    network = learning.of_scaled_times(subject, own, watcher.calls[0].x.shape[-1])
    # Its second argument has to be as long as the first; what students call a time need not be.
    subject.call(
        network, Callback(_without_time), method="register_forward_pre_hook", with_kwargs=True
    )
    made = model(subject, network)
    learning.expect_learning(subject, network, made, data, method="negative_elbo", seed=seed)


def _without_time(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A hook that puts ones in the place of the time."""
    first, *_ = *args, *kwargs.values()
    x = np.asarray(first)
    return (x, np.ones((*x.shape[:-1], 1), x.dtype)), {}
