"""Expectations under Gaussians without sampling.

With n Gauss-Hermite nodes a polynomial of degree 2n - 1 is integrated exactly, so two nodes per
dimension give a Gaussian KL to rounding, where 131,000 Monte Carlo draws leave 1.6e-3.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence

import numpy as np

from grader.checks.expected import Expected
from grader.checks.subject import Array
from grader.errors import AssignmentError

# Largest disagreement, relative to the scale, between a rule and a finer one; rounding alone
# stays two orders below it, and float32 answers are judged five orders above it.
_RESOLVED = 1e-12

Terms = Callable[[Array, Array, Array], Sequence[Array]]


def gaussian_expectation(
    terms: Terms, mean: Array, log_std: Array, *, nodes: int = 16, says: str = ""
) -> Expected:
    """E[f(z)] for z ~ N(mean, exp(log_std)^2), where f is a sum over the last axis.

    Args:
        terms: takes z of shape (nodes, ..., D), mean and log_std of shape (..., D) and returns
            the terms of f for each dimension; their sum over terms and over D is f(z).
        mean: shape (..., D).
        log_std: shape (..., D).
        nodes: points per dimension.
        says: what the value is, for messages.

    Returns:
        Value and scale of shape (...), float64.

    Raises:
        AssignmentError: a finer rule gives another value, so this one does not resolve f.
    """
    location, log_scale = np.asarray(mean, np.float64), np.asarray(log_std, np.float64)
    value, scale = _integrate(terms, location, log_scale, nodes)
    finer, _ = _integrate(terms, location, log_scale, nodes + 7)
    _require_resolved(np.abs(value - finer), scale, nodes)
    (dims,) = np.broadcast_shapes(location.shape, log_scale.shape, (1,))[-1:]
    return Expected(value, scale, says, additions=dims)


def log_expectation(
    log_f: Callable[[Array], Array], dim: int, *, nodes: int = 64, says: str = ""
) -> Expected:
    """Logarithm of E[f(z)] for z ~ N(0, I) in one or two dimensions, f joint in them.

    Args:
        log_f: takes z of shape (N, dim) and returns log f(z) of shape (N, ...), in nats.
        dim: 1 or 2; a tensor product of more is no longer cheap.
        nodes: points per dimension.
        says: what the value is, for messages.

    Returns:
        Value of shape (...); the scale counts the rounding of log f under the logarithm.

    Raises:
        AssignmentError: dim is not 1 or 2, or f is too narrow for this many nodes.
    """
    if dim not in (1, 2):
        raise AssignmentError(f"log_expectation got dim = {dim}; it integrates 1 or 2 dimensions")
    value, scale = _log_integrate(log_f, dim, nodes)
    finer, _ = _log_integrate(log_f, dim, nodes + 15)
    _require_resolved(np.abs(value - finer), 1e4 * scale, nodes)  # 1e-8 nats: far below a float32
    return Expected(value, scale, says)


def _integrate(terms: Terms, mean: Array, log_std: Array, nodes: int) -> tuple[Array, Array]:
    points, weights = _rule(nodes)
    shape = (nodes,) + (1,) * mean.ndim
    z = mean + np.exp(log_std) * points.reshape(shape)  # (nodes, ..., D)
    weights = weights.reshape(shape)
    parts = [np.broadcast_to(term, z.shape) * weights for term in terms(z, mean, log_std)]
    value = sum(part.sum(axis=0) for part in parts)
    scale = sum(np.abs(part).sum(axis=0) for part in parts)
    return np.sum(value, axis=-1), np.sum(scale, axis=-1)


def _log_integrate(log_f: Callable[[Array], Array], dim: int, nodes: int) -> tuple[Array, Array]:
    points, weights = _rule(nodes)
    z = np.array(list(itertools.product(points, repeat=dim)))  # (nodes^dim, dim)
    mass = np.array([np.prod(w) for w in itertools.product(weights, repeat=dim)])
    values = np.asarray(log_f(z), dtype=np.float64)
    top = values.max(axis=0)
    shares = mass.reshape((-1,) + (1,) * (values.ndim - 1)) * np.exp(values - top)
    total = shares.sum(axis=0)
    result = top + np.log(total)
    return result, (shares * np.abs(values)).sum(axis=0) / total + np.abs(result) + 1.0


@functools.cache
def _rule(nodes: int) -> tuple[Array, Array]:
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    weights = weights / weights.sum()
    # The nodes as they come leave a variance several roundings away from one, which every integral
    # of a square would inherit; a sole node has none.
    variance = (weights * points**2).sum()
    return points / np.sqrt(variance) if variance else points, weights


def _require_resolved(error: Array, scale: Array, nodes: int) -> None:
    if not np.all(error <= _RESOLVED * np.maximum(scale, np.finfo(float).tiny)):
        raise AssignmentError(
            f"{nodes} nodes leave an integration error of {np.max(error):.1e}; give more nodes, "
            "or inputs on which the integrand is smoother"
        )
