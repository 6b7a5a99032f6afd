"""A UvA model with a discriminator of the grader's: its losses can be written out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from assignments.aae.definitions import Logits
from assignments.aae.judging import one_number
from assignments.aae.networks import Layer, as_module, gradient_of
from grader.checks import (
    Array,
    Callback,
    CheckFailure,
    Handle,
    Subject,
    as_array,
    evidence,
    expect,
)
from grader.checks.subject import Value
from grader.errors import SubjectError

LATENTS = 8
_IMAGES = ((1, 28, 28), (1, 32, 32), (3, 32, 32), (1, 64, 64))
# Few bits each, and of both signs; no draw of the prior meets a logit of zero.
LAYER = Layer(
    np.asarray([[0.5, -0.75, 0.25, 1, -0.5, 0.125, -1, 0.375]], np.float32),
    np.asarray([0.25], np.float32),
)


def made(subject: Subject, name: str, seed: int = 1) -> Handle:
    """An object of the student's class with eight latents, not in training."""
    takes = subject.definition(name).parameters
    if "z_dim" in takes:
        made = subject.new(name, seed=seed, z_dim=LATENTS)
    else:
        made = subject.new(name, *((LATENTS,) if takes else ()), seed=seed)
    subject.call(made, method="eval")
    return made


def latents(rows: int) -> Array:
    """Latents (B, 8) in float32 that nobody would draw."""
    cycle = np.asarray([0.5, -1, 0.25, 1.5, -0.75, 2, -0.125], np.float32)
    return np.resize(cycle, (rows, LATENTS)) + np.arange(rows, dtype=np.float32)[:, None] / 64


def image_batches() -> list[tuple[Array, Array]]:
    """Images and reconstructions (B, 1, 28, 28), float32, the smallest batch first."""
    rng = np.random.default_rng(5)
    batches = []
    for rows in (1, 2, 5):
        x, recon_x = rng.integers(-8, 9, (2, rows, 1, 28, 28)) / 8
        batches.append((x.astype(np.float32), recon_x.astype(np.float32)))
    return batches


def reconstructed(subject: Subject) -> tuple[Handle, Array, Array, Array]:
    """A model, images of a size that it can take, and its reconstructions and latents.

    Raises:
        CheckFailure: it returns something else.
        SubjectError: it takes images of no usual size.
    """
    model = made(subject, "AdversarialAE")
    x, answer = _answered(subject, model)
    if not (isinstance(answer, tuple | list) and len(answer) == 2):
        raise CheckFailure("Your forward should return two tensors: recon_x and z.")
    recon_x, z = (as_array(part, "forward") for part in answer)
    return model, x, recon_x, z


def expect_encoder_to_learn(subject: Subject, model: Handle, x: Array) -> None:
    """Demands that a backward pass from the reconstruction reaches the encoder.

    Raises:
        CheckFailure: the reconstruction is cut off from what encodes.
    """
    answer = subject.new(model, x, method="forward", seed=1)
    recon_x = subject.new(answer, 0, method="__getitem__")
    try:
        subject.call(subject.new(recon_x, method="sum"), method="backward")
    except SubjectError as error:
        raise CheckFailure("No gradient comes from the reconstruction of your forward.") from error
    weights = [name for name in subject.state(model) if name.startswith("encoder.")]
    reached = not weights or any(gradient_of(subject, model, name).any() for name in weights)
    expect(reached, "No gradient of the reconstruction in your forward reaches the encoder.")


def _answered(subject: Subject, model: Handle) -> tuple[Array, Value]:
    """Images and what the forward pass makes of them, of the first size that comes back."""
    rng, answers, errors = np.random.default_rng(7), [], []
    for shape in _IMAGES:
        x = rng.uniform(-1, 1, (3, *shape)).astype(np.float32)
        try:
            answers.append((x, subject.call(model, x, method="forward", seed=1)))
        except SubjectError as error:
            errors.append(error)
    if not answers:
        raise errors[0]
    fitting = [(x, answer) for x, answer in answers if _begins_like(answer, x)]
    return (fitting or answers)[0]


def _begins_like(answer: Value, x: Array) -> bool:
    return isinstance(answer, tuple | list) and bool(answer) and np.shape(answer[0]) == x.shape


class KnownDiscriminator:
    """A linear discriminator that keeps the latents that it is asked about.

    Args:
        squashed: whether it returns probabilities, as the student's own one does.
    """

    def __init__(self, squashed: bool) -> None:
        self._squashed = squashed
        self._seen: list[Array] = []

    def __call__(self, z: Array) -> Array:
        """Logits or probabilities (B, 1) of latents (B, 8), float32."""
        self._seen.append(np.asarray(z, np.float32).reshape(len(z), -1))
        logits = logits_of(self._seen[-1])
        return (1 / (1 + np.exp(-logits))).astype(np.float32) if self._squashed else logits

    def placed_in(self, subject: Subject) -> Handle:
        """A model of the student's with this discriminator."""
        model = made(subject, "AdversarialAE")
        _answers_by(subject, model, Callback(self))
        return model

    def as_module_in(self, subject: Subject) -> tuple[Handle, Handle]:
        """A model with this discriminator as a module, and its linear layer, for gradients."""
        model, linear = made(subject, "AdversarialAE"), as_module(subject, LAYER)
        placed = linear
        if self._squashed:
            torch = subject.handle("torch")
            sigmoid = subject.new(torch, method="nn.Sigmoid")
            placed = subject.new(torch, linear, sigmoid, method="nn.Sequential")
        _answers_by(subject, model, placed)
        return model, linear

    def drawn_beside(self, z_fake: Array) -> Array:
        """The latents of its last question that were not the given ones.

        Raises:
            CheckFailure: it was never asked, or not about the given ones.
        """
        expect(len(self._seen) > 0, "Your code never calls the model's discriminator.")
        rows = np.concatenate(self._seen)
        self._seen = []
        given = {row.tobytes() for row in z_fake}
        is_fake = np.asarray([row.tobytes() in given for row in rows])
        expect(is_fake.any(), "Your discriminator is not asked about the z_fake that it is given.")
        expect((~is_fake).any(), "Your discriminator is asked about z_fake and nothing else.")
        return np.asarray(rows[~is_fake])


def _answers_by(subject: Subject, model: Handle, other: Callback | Handle) -> None:
    # The modules themselves stay: people ask their discriminator for its size or its device.
    subject.call(model, {"forward": other}, method="discriminator.__dict__.update")
    names = [name.split(".") for name in subject.state(model)]
    inner = {path[1] for path in names if path[0] == "discriminator" and len(path) > 2}
    if len(inner) == 1:  # it does all the work, and losses may ask it directly
        method = f"discriminator.{inner.pop()}.__dict__.update"
        subject.call(model, {"forward": other}, method=method)


def logits_of(z: Array) -> Array:
    """What the known discriminator says of latents, (B, 1), float32."""
    return LAYER(z).astype(np.float32)


def is_squashed(subject: Subject) -> bool:
    """Whether the student's own discriminator returns nothing outside of [0, 1]."""
    answer = as_array(subject.call(made(subject, "Discriminator"), far_latents()))
    return bool(((answer >= 0) & (answer <= 1)).all())


def is_clipped(subject: Subject) -> bool:
    """Whether it never returns less than zero, and zero itself for latents that differ."""
    answers = [
        as_array(subject.call(made(subject, "Discriminator", seed), far_latents()))
        for seed in (1, 2, 3, 4)
    ]
    return all((answer >= 0).all() for answer in answers) and any(
        np.count_nonzero(answer == 0) > 1 for answer in answers
    )


def far_latents() -> Array:
    """Latents of all directions and sizes, (B, 8), float32: a logit knows no bounds."""
    rng = np.random.default_rng(6)
    sizes = np.repeat(10.0 ** np.arange(-1, 6), 32)[:, None]
    return (sizes * rng.standard_normal((len(sizes), LATENTS))).astype(np.float32)


def with_known_discriminator(subject: Subject, judge: Callable[[KnownDiscriminator], None]) -> None:
    """Judges losses with a discriminator of logits, or of probabilities where the own one's are.

    A sigmoid at the end of the discriminator costs its points once, where it is asked for.

    Raises:
        CheckFailure: the losses are right for neither.
    """
    try:
        judge(KnownDiscriminator(squashed=False))
    except (CheckFailure, SubjectError) as failure:
        try:
            squashed = is_squashed(subject)
        except SubjectError:
            raise failure from None
        if not squashed:
            raise
        try:
            judge(KnownDiscriminator(squashed=True))
        except (CheckFailure, SubjectError):
            raise failure from None
        evidence(discriminator_returns_probabilities=True)


def loss_and_log(answer: Value, function: str) -> tuple[Array, dict[str, Value]]:
    """The loss and the dictionary that a method returns.

    Raises:
        CheckFailure: it returns something else.
    """
    is_pair = isinstance(answer, tuple | list) and len(answer) == 2
    if not (is_pair and isinstance(answer[1], dict)):
        raise CheckFailure(f"Your {function} should return a loss and a dictionary.")
    return as_array(one_number(answer[0]), function), answer[1]


def logged(log: dict[str, Value], key: str, function: str) -> Array:
    """A number in the dictionary.

    Raises:
        CheckFailure: it is not there.
    """
    if key not in log:
        raise CheckFailure(f"The dictionary of your {function} has no {key!r}.")
    return as_array(one_number(log[key]), f"{function}, its {key},")


def judged(real: Array, fake: Array) -> Logits:
    """Both kinds of latents as the known discriminator judges them."""
    return Logits(logits_of(real), logits_of(fake))
