"""The script that trains the reference, on the embedded digits."""

from __future__ import annotations

import json
import math
import runpy
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.baselines import BestScale, independent_pixels_bpd, mean_image_error
from benchmarks.curves import store
from benchmarks.images import training_and_test
from benchmarks.norm_gradients import by_layer
from benchmarks.notebook_training import SHEETS, Watch, ddpm_figures, scaled
from benchmarks.notebook_training import train as train_notebook
from benchmarks.train_reference import where
from benchmarks.vae_training import RECIPES, Budget, Images, Run, Training, train
from grader.data import find
from reference.ddpm import alphas_cumprod, linear_beta_schedule, prior_kl, q_sample
from reference.ddpm_bound import bound_terms

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "train_reference.py"


@pytest.fixture(scope="module")
def digits() -> tuple[torch.Tensor, torch.Tensor]:
    return training_and_test(find("digits"))


def few(digits: tuple[torch.Tensor, torch.Tensor]) -> Images:
    return Images(digits[0][:256], digits[1][:100])


def trained(images: Images, folder: Path, epochs: int, minutes: float = 60) -> Run:
    training = Training(RECIPES["categorical"], images, seed=20)
    runs = list(train(training, 20, Budget(epochs, minutes), folder / "kept.safetensors"))
    return runs[-1]


def test_the_command_writes_a_curve_and_goes_on_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    places = ["--out", str(tmp_path), "--scratch", str(tmp_path / "scratch")]
    for epochs in ("1", "2"):
        command = [str(SCRIPT), "bernoulli", "digits", "--epochs", epochs, *places]
        monkeypatch.setattr(sys, "argv", command)
        runpy.run_path(str(SCRIPT), run_name="__main__")
    # Untrained and trained once; where that was, and trained once more.
    assert capsys.readouterr().out.count("digits-bernoulli, seed 20: bpd ") == 4
    curve = json.loads((tmp_path / "vae/curves/digits-bernoulli.json").read_text("utf-8"))
    assert curve["data_set"] == "digits"
    assert curve["device"].startswith(("cpu (", "cuda ("))
    assert curve["torch"] == torch.__version__
    assert curve["seeds"] == [run["seed"] for run in curve["runs"]] == [20]
    (run,) = curve["runs"]
    assert [len(run[name]) for name in ("test_bpd", "test_std_error")] == [3, 3]
    assert [len(run[name]) for name in ("train_bpd", "epoch_seconds")] == [2, 2]
    assert run["test_bpd"][0] == pytest.approx(1, abs=0.1)
    assert run["test_bpd"][0] > run["test_bpd"][1] > run["test_bpd"][2]


def test_a_run_that_was_stopped_goes_on_to_the_same_figures(
    digits: tuple[torch.Tensor, torch.Tensor], tmp_path: Path
) -> None:
    images = few(digits)
    trained(images, tmp_path / "stopped", epochs=1)
    gone_on = trained(images, tmp_path / "stopped", epochs=3)
    at_once = trained(images, tmp_path / "at once", epochs=3)
    assert gone_on.test_bpd == at_once.test_bpd
    assert gone_on.train_bpd == at_once.train_bpd
    assert len(gone_on.epoch_seconds) == 3


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_run_on_a_gpu_goes_on_as_well(
    digits: tuple[torch.Tensor, torch.Tensor], tmp_path: Path
) -> None:
    images = Images(*(part.to("cuda") for part in digits))
    trained(images, tmp_path / "stopped", epochs=1)
    gone_on = trained(images, tmp_path / "stopped", epochs=2)
    at_once = trained(images, tmp_path / "at once", epochs=2)
    # Sums on a GPU may come in another order each time.
    assert gone_on.test_bpd == pytest.approx(at_once.test_bpd, rel=1e-2)
    assert gone_on.test_bpd[2] < 3.7


def test_training_makes_the_model_better_at_images_that_it_has_not_seen(
    digits: tuple[torch.Tensor, torch.Tensor], tmp_path: Path
) -> None:
    run = trained(Images(*digits), tmp_path, epochs=2)
    assert run.test_bpd[0] == pytest.approx(math.log2(16), abs=0.1)
    assert run.test_bpd[2] < 3.7


def test_the_budget_ends_a_run_before_an_epoch_that_does_not_fit(tmp_path: Path) -> None:
    run = Run(20, train_bpd=[3.0, 2.0], epoch_seconds=[20.0, 25.0])
    assert Budget(epochs=80, core_minutes=70 / 60).allows_another(run)
    assert not Budget(epochs=80, core_minutes=69 / 60).allows_another(run)
    assert not Budget(epochs=2, core_minutes=60).allows_another(run)


def test_a_curve_replaces_the_one_of_its_seed_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "curves" / "digits.json"
    for seed, bpd in ((21, 3.0), (20, 2.0), (21, 1.23456789)):
        store(path, {"model": "small"}, {"seed": seed, "test_bpd": [4.0, bpd]})
    curve = json.loads(path.read_text("utf-8"))
    assert curve["model"] == "small"
    assert curve["seeds"] == [20, 21]
    assert [run["test_bpd"] for run in curve["runs"]] == [[4.0, 2.0], [4.0, 1.23457]]
    assert list(path.parent.iterdir()) == [path]


def test_every_model_has_a_file_of_its_own() -> None:
    models = [(m, d) for m in (*RECIPES, *SHEETS) for d in ("digits", "mnist", "fashion-mnist")]
    assert len({where(*model) for model in models}) == len(models)
    assert where("vae", "digits") == Path("vae/curves/digits.json")
    assert where("categorical", "mnist") == Path("vae/curves/mnist.json")


def test_a_notebook_is_measured_before_training_and_after_every_epoch() -> None:
    run = train_notebook(SHEETS["aae"], find("digits"), seed=20, epochs=2)
    assert list(run) == ["seed", "test_energy_distance", "test_squared_error"]
    untrained, once, twice = run["test_squared_error"]
    assert untrained > once > twice


def test_measuring_leaves_the_notebook_s_randomness_alone() -> None:
    watch = Watch(SHEETS["vae"], {"model": None}, torch.zeros(2, 1, 8, 8))
    watch.sheet = replace(watch.sheet, figures=lambda *_: {"bpd": torch.rand(()).item()})
    torch.manual_seed(1)
    before = torch.get_rng_state()
    watch.measure()
    assert torch.equal(torch.get_rng_state(), before)
    watch.measure()
    assert watch.curve[0] == watch.curve[1]  # by the same noise each time


def test_a_notebook_with_other_batches_than_its_sheet_says_is_refused() -> None:
    wrong = replace(SHEETS["aae"], batch=32)
    with pytest.raises(RuntimeError, match="make no 2 epochs"):
        train_notebook(wrong, find("digits"), seed=20, epochs=2)


def test_the_measured_bound_is_the_sum_of_all_its_terms(
    digits: tuple[torch.Tensor, torch.Tensor],
) -> None:
    levels = digits[1][:40]
    model = BestScale(scaled(digits[0]), 1000)
    x0, betas = scaled(levels).double(), linear_beta_schedule(1000)
    noise = torch.randn(1000, *x0.shape, generator=torch.Generator().manual_seed(5))
    nats = bound_terms(model, x0, noise.double(), betas, betas, levels=16).sum(dim=0)
    expected = nats.mean().item() / math.log(2) / 64
    torch.manual_seed(6)
    # 400 draws of t where the sum has 40,000; a missing prior or weight is off by more than half.
    assert ddpm_figures(model, levels)["bpd"] == pytest.approx(expected, rel=0.03)
    assert prior_kl(x0, alphas_cumprod(betas)).max() < 0.1


def test_the_best_scale_predicts_noise_better_than_scales_beside_it(
    digits: tuple[torch.Tensor, torch.Tensor],
) -> None:
    x0 = scaled(digits[0])
    model = BestScale(x0, 1000)
    draw = torch.Generator().manual_seed(7)
    noise = torch.randn(x0.shape, generator=draw)
    for step in (50, 200, 900):
        t = torch.full((len(x0),), step)
        x_t = q_sample(x0, t, noise, alphas_cumprod(linear_beta_schedule(1000)))
        errors = [
            float((factor * model(x_t, t) - noise).square().mean()) for factor in (0.8, 1, 1.2)
        ]
        assert errors[1] == min(errors)


def test_independent_pixels_cost_their_entropy() -> None:
    draw = torch.Generator().manual_seed(8)
    images = torch.randint(16, (20_000, 1, 2, 2), generator=draw).byte()
    images[:, :, 0] = 3
    images[:, :, 1, 0] //= 8
    # Two pixels that never change, one of a fair coin, one of 16 alike levels.
    expected = (0 + 0 + 1 + 4) / 4
    found = independent_pixels_bpd(images[:10_000], images[10_000:], levels=16)
    assert found == pytest.approx(expected, abs=0.01)


def test_the_mean_image_leaves_the_variance() -> None:
    images = torch.tensor([-1.0, 1.0]).repeat(500).reshape(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    assert mean_image_error(images, images) == pytest.approx(1)


def test_pre_norm_keeps_gradients_that_grow_towards_the_input() -> None:
    runs: list[dict[str, Any]] = [by_layer(seed) for seed in range(8)]
    pre = torch.tensor([run["pre, depth 12"] for run in runs]).log().mean(dim=0)
    post = torch.tensor([run["post, depth 12"] for run in runs]).log().mean(dim=0)
    assert pre.shape == post.shape == (12,)
    assert pre[0] - pre[-1] > 0.7  # more than doubled
    assert abs(post[0] - post[-1]) < 0.3
    assert runs[0] != runs[1]
    assert by_layer(0) == runs[0]
