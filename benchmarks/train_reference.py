"""Trains the reference's models and keeps their learning curves beside the assignments.

    python benchmarks/train_reference.py vae digits --seeds 20 21 22 23
    python benchmarks/train_reference.py categorical fashion-mnist --data-dir FOLDER --device cuda

A curve is written as it grows, and the same command goes on where one was stopped. The budget
counts the time of a processor core, not of the clock, so that a shared machine changes nothing.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import torch

from benchmarks import notebook_training, vae_training
from benchmarks.baselines import independent_pixels_bpd
from benchmarks.curves import store, versions
from benchmarks.images import training_and_test
from benchmarks.norm_gradients import by_layer, by_step
from grader.data import find

ASSIGNMENTS = Path(__file__).absolute().parents[1] / "assignments"
MODELS = (*vae_training.RECIPES, *notebook_training.SHEETS, "norms", "norm-training")
Kept = Iterator[tuple[dict[str, Any], dict[str, Any]]]


def main() -> None:
    """Trains every seed in turn."""
    mpl.use("Agg")  # the notebooks draw
    options = _options()
    ways = {"norms": norms, "norm-training": norm_training} | dict.fromkeys(
        notebook_training.SHEETS, notebook
    )
    for about, run in ways.get(options.model, network)(options):
        path = options.out / where(options.model, options.data_set)
        store(path, about, run)
        sys.stdout.write(f"{path.stem}, seed {run['seed']}: {_latest(run)}\n")
        sys.stdout.flush()


def where(model: str, data_set: str) -> Path:
    """File of a curve, below the assignments; reports draw those with the name of a data set."""
    if model in ("norms", "norm-training"):
        name = {"norms": "gradients", "norm-training": "training"}[model]
        return Path(f"transformer_norm/curves/{name}.json")
    if model in ("ddpm", "aae"):
        return Path(f"{model}/curves/{data_set}.json")
    drawn = "vae" if data_set == "digits" else "categorical"
    return Path(f"vae/curves/{data_set if model == drawn else f'{data_set}-{model}'}.json")


def network(options: argparse.Namespace) -> Kept:
    """The courses' networks, epoch by epoch, within the budget."""
    device, recipe = _device(options.device), vae_training.RECIPES[options.model]
    both = training_and_test(find(options.data_set, options.data_dir))
    images = vae_training.Images(*(recipe.seen(part).to(device) for part in both))
    baseline = independent_pixels_bpd(images.training, images.test, recipe.levels)
    about = {
        "data_set": options.data_set,
        "model": recipe.model,
        "training": f"Adam, learning rate {recipe.learning_rate:g}, batches of {recipe.batch}",
        **versions(device),
        "baseline": {"bpd": baseline},
    }
    budget = vae_training.Budget(options.epochs or 80, options.core_minutes)
    for seed in options.seeds:
        name = f"{options.model}-{options.data_set}-{device.type}-{seed}"
        kept = options.scratch / f"{name}.safetensors"
        training = vae_training.Training(recipe, images, seed)
        for run in vae_training.train(training, seed, budget, kept):
            yield about, vars(run) | {"device": about["device"]}


def notebook(options: argparse.Namespace) -> Kept:
    """An instructor's notebook with other seeds."""
    sheet, files = notebook_training.SHEETS[options.model], find(options.data_set, options.data_dir)
    training, test = training_and_test(files)
    about = {
        "data_set": options.data_set,
        "model": sheet.model,
        "training": "as in the notebook",
        **versions(torch.device("cpu")),
        "baseline": sheet.baseline(training, test),
    }
    for seed in options.seeds:
        yield about, notebook_training.train(sheet, files, seed, options.epochs)


def norms(options: argparse.Namespace) -> Kept:
    """Gradients by depth before training."""
    about = {"model": "linear sublayers of 64 features", **versions(torch.device("cpu"))}
    for seed in options.seeds:
        yield about, by_layer(seed)


def norm_training(options: argparse.Namespace) -> Kept:
    """The classifier of the notebook on normalisation, at several depths."""
    about = {"model": "the notebook's classifier", **versions(torch.device("cpu"))}
    for seed in options.seeds:
        yield about, by_step(seed, find("digits"))


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def _latest(run: dict[str, Any]) -> str:
    last = {key: values[-1] for key, values in run.items() if key.startswith("test_")}
    return ", ".join(f"{key.removeprefix('test_')} {value:.4f}" for key, value in last.items())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    temporary = Path(tempfile.gettempdir()) / "grader-training"
    parser.add_argument("model", choices=MODELS)
    parser.add_argument(
        "data_set", nargs="?", default="digits", choices=["digits", "mnist", "fashion-mnist"]
    )
    parser.add_argument("--data-dir", type=Path, help="where the IDX files are")
    parser.add_argument("--seeds", type=int, nargs="+", default=[20])
    parser.add_argument("--epochs", type=int, help="80, or what the notebook says")
    parser.add_argument("--core-minutes", type=float, default=60.0, help="of each seed")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--out", type=Path, default=ASSIGNMENTS)
    parser.add_argument("--scratch", type=Path, default=temporary, help="to go on after a stop")
    return parser.parse_args()


if __name__ == "__main__":
    main()
