"""Draws the pictures of docs/training.md from the curves beside the assignments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from benchmarks.norm_gradients import DEPTHS, PLACES, STEPS
from benchmarks.thresholds import ASSIGNMENTS, SCALES, Scale

HERE = Path(__file__).absolute().parent
_STYLE: dict[Any, Any] = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
# The span that the course states after 80 epochs.
_AFTER_80 = {"fashion-mnist": (1.20, 1.25), "mnist": (0.51, 0.53)}
_TITLES = {"fashion-mnist": "Fashion-MNIST, 4 bits", "mnist": "MNIST, 4 bits"}


def draw() -> None:
    """Every picture."""
    with mpl.rc_context(_STYLE):
        _save("training-courses", courses())
        _save("training-digits", digits())
        _save("training-norms", norms())
        _save("training-depth", depth())


def courses() -> Any:
    """The courses' CNN on both data sets: every seed, held out and in training."""
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for axis, (data_set, span) in zip(axes, _AFTER_80.items(), strict=True):
        curve = _stored(f"vae/curves/{data_set}.json")
        for run in curve["runs"]:
            colour = f"C{run['seed'] % 10}"
            held_out = run["test_bpd"]
            axis.plot(held_out, color=colour, marker=".", markersize=3, label=f"seed {run['seed']}")
            if len(held_out) > 3:
                epochs = np.arange(len(run["train_bpd"])) + 0.5
                axis.plot(epochs, run["train_bpd"], color=colour, linestyle="--", label="training")
        axis.axhline(curve["baseline"]["bpd"], color="grey", linestyle=":")
        axis.annotate("pixels alone", (1, curve["baseline"]["bpd"]), **_above())
        axis.axhspan(*span, color="C2", alpha=0.3, linewidth=0)
        axis.annotate("the course, 80 epochs", (0.02, span[1]), **_above() | {"ha": "left"})
        axis.set_yscale("log")
        ticks = [tick for tick in (0.5, 0.7, 1, 1.2, 1.5, 2, 3, 4) if tick > 0.9 * span[0]]
        axis.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axis.minorticks_off()
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.set(title=_TITLES[data_set], xlabel="epoch", ylabel="bits per dimension")
        axis.legend(frameon=False)
    return figure


def digits() -> Any:
    """Mean and range over the seeds of what trains on the embedded digits."""
    figure, axes = plt.subplots(1, 4, figsize=(11, 2.9), layout="constrained")
    drawn = {
        "categorical VAE": ("vae/curves/digits.json", "bpd"),
        "Bernoulli VAE": ("vae/curves/digits-bernoulli.json", "bpd"),
        "diffusion model": ("ddpm/curves/digits.json", "bpd"),
        "adversarial autoencoder": ("aae/curves/digits.json", "squared_error"),
    }
    for axis, (title, (path, name)) in zip(axes, drawn.items(), strict=True):
        curve = _stored(path)
        runs = np.array([run[f"test_{name}"] for run in curve["runs"]])
        epochs = range(runs.shape[1])
        axis.fill_between(epochs, runs.min(axis=0), runs.max(axis=0), alpha=0.3, linewidth=0)
        axis.plot(epochs, runs.mean(axis=0))
        axis.axhline(curve["baseline"][name], color="grey", linestyle=":", label="learns nothing")
        for scale in SCALES:
            if f"{scale.assignment}/curves/{scale.data_set}.json" == path:
                _mark(axis, scale)
        lowest, nothing = runs.min(), curve["baseline"][name]
        axis.set_ylim(lowest - 0.1 * (nothing - lowest), nothing + 0.8 * (nothing - lowest))
        label = "bits per dimension" if name == "bpd" else name.replace("_", " ")
        axis.set(title=title, xlabel="epoch", ylabel=label)
        axis.legend(frameon=False, fontsize=7)
    return figure


def norms() -> Any:
    """Norms of gradients by layer, in the geometric mean over seeds."""
    runs = _stored("transformer_norm/curves/gradients.json")["runs"]
    figure, axes = plt.subplots(1, len(DEPTHS), figsize=(9, 2.9), sharey=True, layout="constrained")
    for axis, layers in zip(axes, DEPTHS, strict=True):
        for place in PLACES:
            logs = np.log([run[f"{place}, depth {layers}"] for run in runs])
            inputs = range(1, layers + 1)
            low, high = np.exp(logs.min(axis=0)), np.exp(logs.max(axis=0))
            axis.fill_between(inputs, low, high, alpha=0.15, linewidth=0)
            axis.plot(inputs, np.exp(logs.mean(axis=0)), marker=".", label=f"{place}-norm")
        axis.set(title=f"{layers} layer{'s' * (layers > 1)}", xlabel="layer", yscale="log")
        axis.set_xticks(range(1, layers + 1, 1 + layers // 6))
        axis.set_yticks([5, 10, 20, 40], ["5", "10", "20", "40"])
        axis.minorticks_off()
    axes[0].set_ylabel("norm of the gradient at its input")
    axes[-1].legend(frameon=False)
    return figure


def depth() -> Any:
    """Loss and gradient of the first layer of a classifier in training, in the mean over seeds."""
    runs = _stored("transformer_norm/curves/training.json")["runs"]
    figure, axes = plt.subplots(
        2, len(DEPTHS), figsize=(9, 4.2), sharex=True, sharey="row", layout="constrained"
    )
    for row, name in zip(axes, ("loss", "gradient"), strict=True):
        for axis, layers in zip(row, DEPTHS, strict=True):
            for place in PLACES:
                values = np.array([run[f"{place}, depth {layers}, {name}"] for run in runs])
                steps = STEPS * (np.arange(values.shape[1]) + 0.5)
                low, high = values.min(axis=0), values.max(axis=0)
                axis.fill_between(steps, low, high, alpha=0.15, linewidth=0)
                axis.plot(steps, np.exp(np.log(values).mean(axis=0)), label=f"{place}-norm")
            axis.set_yscale("log")
    for axis, layers in zip(axes[0], DEPTHS, strict=True):
        axis.set_title(f"{layers} layer{'s' * (layers > 1)}")
    for axis in axes[1]:
        axis.set_xlabel("step")
    axes[0, 0].set_yticks([0.5, 1, 2, 4], ["0.5", "1", "2", "4"])
    axes[0, 0].set_ylabel("loss")
    axes[1, 0].set_ylabel("gradient, first layer")
    axes[0, 0].legend(frameon=False)
    return figure


def _mark(axis: Axes, scale: Scale) -> None:
    axis.plot(scale.epochs, scale.full(), "C2_", markersize=12, clip_on=False, label="full marks")
    axis.plot(scale.epochs, scale.zero(), "C3_", markersize=12, clip_on=False, label="no marks")


def _above() -> dict[str, Any]:
    """How the words stand that belong to a level."""
    return {
        "xycoords": ("axes fraction", "data"),
        "xytext": (0, 2),
        "textcoords": "offset points",
        "ha": "right",
        "fontsize": 8,
        "color": "dimgrey",
    }


def _stored(path: str) -> dict[str, Any]:
    curve: dict[str, Any] = json.loads((ASSIGNMENTS / path).read_text("utf-8"))
    return curve


def _save(name: str, figure: Any) -> None:
    figure.savefig(HERE / f"{name}.png", dpi=110, metadata={"Software": None})
    plt.close(figure)
