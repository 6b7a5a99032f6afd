"""The reference's VAEs in training: an epoch at a time, each kept before the next begins."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from reference.vae_networks import Autoencoder, bernoulli_mlp, categorical_cnn

# The same noise after every epoch, so that a curve moves because of the model alone.
EVALUATION_SEED = 1_000_003


@dataclass(frozen=True)
class Recipe:
    """A model and how it is trained, with Adam.

    Attributes:
        network: from the side of the images.
        levels: 16, or 2 where images are cut at half of them, for Bernoulli pixels.
    """

    model: str
    network: Callable[[int], Autoencoder]
    levels: int
    batch: int
    learning_rate: float

    def seen(self, images: Tensor) -> Tensor:
        """Images of 16 levels as the model sees them."""
        return images if self.levels == 16 else (images >= 8).byte()


RECIPES = {
    "categorical": Recipe("categorical CNN, 20 latents", categorical_cnn, 16, 128, 1e-3),
    "bernoulli": Recipe("Bernoulli MLP, 20 latents", bernoulli_mlp, 2, 64, 1e-3),
}


@dataclass
class Run:
    """The curve of one seed.

    Attributes:
        test_bpd: on the held-out images, before training and after each epoch.
        test_std_error: of each of them, over the images.
        train_bpd: the mean over each epoch while it trained; one fewer than of the former.
        epoch_seconds: of a processor core on a CPU, of the clock on a GPU; with the evaluation.
    """

    seed: int
    test_bpd: list[float] = field(default_factory=list)
    test_std_error: list[float] = field(default_factory=list)
    train_bpd: list[float] = field(default_factory=list)
    epoch_seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Budget:
    """Where a run ends: after so many epochs, or before the one that would take too long.

    Attributes:
        core_minutes: of processor time on a CPU, so that a busy machine changes nothing; of the
            clock on a GPU.
    """

    epochs: int
    core_minutes: float

    def allows_another(self, run: Run) -> bool:
        """Whether the next epoch fits, if it takes as long as the last."""
        needed = sum(run.epoch_seconds) + (run.epoch_seconds or [0.0])[-1]
        return len(run.train_bpd) < self.epochs and needed <= 60 * self.core_minutes


@dataclass(frozen=True)
class Images:
    """Training and held-out images on a device, (N, 1, H, W) of uint8."""

    training: Tensor
    test: Tensor


class Training:
    """A model, its optimiser and its noise, which a file brings back to where they were."""

    def __init__(self, recipe: Recipe, images: Images, seed: int):
        torch.manual_seed(seed)
        device = images.training.device
        network = recipe.network(images.training.shape[-1])
        # Convolutions of these sizes are a fifth faster so; the numbers are the same.
        self.model = network.to(  # type: ignore[call-overload]  # its stub lacks memory_format
            device, memory_format=torch.channels_last
        )
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=recipe.learning_rate)
        self.noise = torch.Generator(device).manual_seed(seed)
        self.recipe, self.images = recipe, images

    def epoch(self) -> float:
        """Trains on every image once; returns the mean bits per dimension on the way."""
        total = torch.zeros((), dtype=torch.float64, device=self.images.training.device)
        order = torch.randperm(len(self.images.training), generator=self.noise, device=total.device)
        for chosen in order.split(self.recipe.batch):
            nats = self._nats(self.images.training[chosen], self.noise)
            self.optimizer.zero_grad()
            nats.mean().backward()
            self.optimizer.step()
            total += nats.detach().double().sum()
        return self._bpd(total.item() / len(order))

    @torch.no_grad()
    def evaluate(self) -> tuple[float, float]:
        """Bits per dimension on the held-out images, and the standard error of that figure."""
        noise = torch.Generator(self.images.test.device).manual_seed(EVALUATION_SEED)
        nats = torch.cat([self._nats(part, noise) for part in self.images.test.split(500)]).double()
        return self._bpd(nats.mean().item()), self._bpd(nats.std().item() / math.sqrt(len(nats)))

    def save(self, path: Path, run: Run) -> None:
        """Keeps all that the next epoch depends on."""
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        for index, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in state.items()}
        tensors["noise"] = self.noise.get_state()
        path.parent.mkdir(parents=True, exist_ok=True)
        waiting = path.with_suffix(".new")
        plain = {name: value.contiguous() for name, value in tensors.items()}
        save_file(plain, waiting, metadata={"run": json.dumps(asdict(run))})
        waiting.replace(path)

    def resume(self, path: Path) -> Run:
        """Goes back to what `save` has kept, and returns its curve."""
        with safe_open(path, framework="pt") as file:
            run = Run(**json.loads(file.metadata()["run"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  no dict
        self.noise.set_state(tensors.pop("noise"))
        states: dict[int, dict[str, Tensor]] = {}
        for name in [name for name in tensors if name.startswith("optimizer.")]:
            _, index, part = name.split(".")
            states.setdefault(int(index), {})[part] = tensors.pop(name)
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": states, "param_groups": groups})
        self.model.load_state_dict({n.removeprefix("model."): v for n, v in tensors.items()})
        return run

    def _nats(self, images: Tensor, generator: torch.Generator) -> Tensor:
        shape = (len(images), self.model.decoder[0].in_features)
        noise = torch.randn(shape, generator=generator, device=images.device)
        return self.model.negative_elbo(images, noise)

    def _bpd(self, nats: float) -> float:
        return nats * math.log2(math.e) / self.images.test[0].numel()


def train(training: Training, seed: int, budget: Budget, checkpoint: Path) -> Iterator[Run]:
    """The curve so far: before training, or as far as the checkpoint goes, then by the epoch."""
    run = training.resume(checkpoint) if checkpoint.exists() else Run(seed)
    if not run.test_bpd:
        _note(run, *training.evaluate())
    yield run
    while budget.allows_another(run):
        began = _seconds(training)
        run.train_bpd.append(training.epoch())
        _note(run, *training.evaluate())
        run.epoch_seconds.append(_seconds(training) - began)
        training.save(checkpoint, run)
        yield run


def _note(run: Run, bpd: float, std_error: float) -> None:
    run.test_bpd.append(bpd)
    run.test_std_error.append(std_error)


def _seconds(training: Training) -> float:
    on_gpu = training.images.training.device.type == "cuda"
    return time.monotonic() if on_gpu else time.process_time()
