"""Writes the tables and pictures of docs/training.md: `python -m docs.training`."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.thresholds import ASSIGNMENTS, SCALES
from docs.images import curves

PAGE = Path(__file__).with_name("training.md")
# What the UvA deep learning course states for its networks, by epochs.
_PUBLISHED = {
    "fashion-mnist": {0: "about 4", 2: "below 2.0", 80: "1.20 to 1.25"},
    "mnist": {0: "about 4.02", 80: "about 0.52"},
}
_NAMES = {"fashion-mnist": "Fashion-MNIST", "mnist": "MNIST", "digits": "digits"}
_QUICK = (
    ("categorical VAE", "vae/curves/digits.json", "bpd"),
    ("Bernoulli VAE", "vae/curves/digits-bernoulli.json", "bpd"),
    ("Bernoulli VAE", "vae/curves/mnist-bernoulli.json", "bpd"),
    ("Bernoulli VAE", "vae/curves/fashion-mnist-bernoulli.json", "bpd"),
    ("diffusion model", "ddpm/curves/digits.json", "bpd"),
    ("adversarial autoencoder", "aae/curves/digits.json", "squared_error"),
)


def text() -> str:
    """The page as it is, with its tables made anew."""
    page = PAGE.read_text("utf-8")
    for name, rows in {"headline": headline, "digits": quick, "thresholds": thresholds}.items():
        table = "\n".join(rows())
        begin, end = f"<!-- {name} -->", "<!-- end -->"
        before, rest = page.split(begin)
        page = f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}"
    return page


def stored(path: str) -> dict[str, Any]:
    """A file of curves, below the assignments."""
    curve: dict[str, Any] = json.loads((ASSIGNMENTS / path).read_text("utf-8"))
    return curve


def headline() -> Iterator[str]:
    """The courses' figures beside ours."""
    yield "| data set | after | the course says | here, held out | seeds | on |"
    yield "|---|---|---|---|---|---|"
    for data_set, published in _PUBLISHED.items():
        curve = stored(f"vae/curves/{data_set}.json")
        longest = max(len(run["test_bpd"]) for run in curve["runs"]) - 1
        for epochs in sorted({0, 1, 2, longest, *published}):
            runs = [run for run in curve["runs"] if len(run["test_bpd"]) > epochs]
            seeds = _seeds([run["seed"] for run in runs]) if runs else "no GPU at hand"
            ours = _spread([run["test_bpd"][epochs] for run in runs]) if runs else "not run"
            cells = [_after(epochs), published.get(epochs, ""), ours, seeds]
            yield _row(_NAMES[data_set], *cells, _trained_on(runs, epochs))


def quick() -> Iterator[str]:
    """What the embedded digits come to, and the quickest model on all data sets."""
    yield "| model | on | figure | untrained | trained | after | learns nothing | seeds |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, path, figure in _QUICK:
        curve = stored(path)
        longest = max(len(run[f"test_{figure}"]) for run in curve["runs"])
        whole = [run for run in curve["runs"] if len(run[f"test_{figure}"]) == longest]
        first, last = (_spread([run[f"test_{figure}"][at] for run in whole]) for at in (0, -1))
        nothing = f"{curve['baseline'][figure]:.3f}"
        after, unit = _after(longest - 1), figure.replace("_", " ")
        on = _NAMES[curve["data_set"]]
        yield _row(
            name, on, unit, first, last, after, nothing, _seeds([run["seed"] for run in whole])
        )


def thresholds() -> Iterator[str]:
    """How every threshold comes about."""
    yield "| of | data set | after | mean | std | learns nothing | full marks to | none from |"
    yield "|---|---|---|---|---|---|---|---|"
    for scale in SCALES:
        reached, nothing = scale.reached(), scale.curve()["baseline"][scale.figure]
        spread = f"{statistics.stdev(reached):.3f}" if len(reached) > 1 else "one seed"
        mean = f"{statistics.mean(reached):.3f}"
        full, zero = (
            f"{figure:.2f} ({share:.0%})"
            for figure, share in (
                (scale.full(), scale.full_share),
                (scale.zero(), scale.zero_share),
            )
        )
        of = f"`{scale.assignment}`, {scale.figure.replace('_', ' ')}"
        yield _row(
            of,
            _NAMES[scale.data_set],
            _after(scale.epochs),
            mean,
            spread,
            f"{nothing:.3f}",
            full,
            zero,
        )


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _after(epochs: int) -> str:
    return {0: "no training", 1: "1 epoch"}.get(epochs, f"{epochs} epochs")


def _spread(figures: Sequence[float]) -> str:
    if len(figures) == 1:
        return f"{figures[0]:.3f}"
    return f"{statistics.mean(figures):.3f} ({min(figures):.3f} to {max(figures):.3f})"


def _trained_on(runs: Sequence[dict[str, Any]], epochs: int) -> str:
    """Devices, and what an epoch took there: seconds of a core on a CPU, of the clock on a GPU."""
    names = ", ".join(sorted({run["device"] for run in runs}))
    seconds = [one for run in runs for one in run["epoch_seconds"][:epochs]]
    return f"{names}, {statistics.mean(seconds):.0f} s an epoch" if seconds else names


def _seeds(seeds: Sequence[int]) -> str:
    whole = len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]} to {seeds[-1]}" if whole else ", ".join(map(str, seeds))


if __name__ == "__main__":
    PAGE.write_text(text(), "utf-8")
    curves.draw()
    sys.stdout.write(f"{PAGE} is up to date\n")
