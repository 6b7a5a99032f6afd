"""Hand-made gradients against autograd, forward-mode products and what a step does."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch.func import functional_call, jvp

from reference import gan, gan_losses

ACTIVATIONS = ("relu", "leaky_relu", "tanh", "sigmoid")
ARCHITECTURES = ((3, 1), (4, 6, 1), (2, 5, 3, 1), (3, 4, 7, 4, 1))
LOSSES = ("saturating", "non-saturating")


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def network(sizes: tuple[int, ...], seed: int = 0) -> tuple[gan.Layer, ...]:
    return tuple(
        gan.Layer(0.5 * draw(outputs, inputs, seed=seed + index), draw(outputs, seed=seed + 50))
        for index, (inputs, outputs) in enumerate(pairwise(sizes))
    )


def torch_module(params: gan.Params, activation: str) -> torch.nn.Sequential:
    kinds = {
        "relu": torch.nn.ReLU,
        "leaky_relu": torch.nn.LeakyReLU,
        "tanh": torch.nn.Tanh,
        "sigmoid": torch.nn.Sigmoid,
    }
    stack: list[torch.nn.Module] = []
    for weight, bias in params:
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
        linear.load_state_dict({"weight": weight.detach(), "bias": bias.detach()})
        stack += [linear, kinds[activation]()]
    return torch.nn.Sequential(*stack[:-1])


def flat(layers: gan.Params) -> list[torch.Tensor]:
    return [tensor for layer in layers for tensor in layer]


def output(params: gan.Params, x: torch.Tensor, activation: str) -> torch.Tensor:
    return gan.forward(params, x, activation).output


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_forward_is_that_of_torchs_modules(activation: str) -> None:
    params, x = network((3, 4, 2)), draw(6, 3)
    cache = gan.forward(params, x, activation)
    torch.testing.assert_close(cache.output, torch_module(params, activation)(x))
    assert [each.shape for each in cache.inputs] == [(6, 3), (6, 4)]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_slope_is_autograds(activation: str) -> None:
    z = draw(4, 5).requires_grad_()
    identity = gan.Layer(torch.eye(5).double(), torch.zeros(5).double())
    activated = gan.forward((identity, identity), z, activation).inputs[1]
    (expected,) = torch.autograd.grad(activated.sum(), z)
    torch.testing.assert_close(gan.activation_derivative(z.detach(), activation), expected)


def test_slope_of_relu_is_zero_at_its_kink() -> None:
    assert gan.activation_derivative(torch.zeros(1), "relu").item() == 0


@pytest.mark.parametrize("sizes", ARCHITECTURES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_discriminator_gradients_are_autograds(activation: str, sizes: tuple[int, ...]) -> None:
    params = network(sizes)
    real, fake = draw(5, sizes[0], seed=1), draw(8, sizes[0], seed=2)
    module = torch_module(params, activation)
    objective = gan_losses.discriminator_objective(module(real), module(fake))
    expected = torch.autograd.grad(objective, list(module.parameters()))
    actual = flat(gan.discriminator_gradients(params, real, fake, activation))
    torch.testing.assert_close(actual, list(expected), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("sizes", ARCHITECTURES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_generator_gradients_are_autograds(
    loss: str, activation: str, sizes: tuple[int, ...]
) -> None:
    discriminator, generator = network(sizes), network((2, 4, sizes[0]), seed=20)
    latents = draw(6, 2, seed=3)
    module = torch_module(generator, activation)
    value = gan_losses.generator_loss(
        torch_module(discriminator, activation)(module(latents)), loss
    )
    expected = torch.autograd.grad(value, list(module.parameters()))
    actual = flat(gan.generator_gradients(generator, discriminator, latents, activation, loss))
    torch.testing.assert_close(actual, list(expected), rtol=1e-8, atol=1e-10)


# Forward-mode rules are scripted inside torch when they are first used.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_discriminator_gradients_are_forward_mode_products() -> None:
    params = network((3, 5, 1))
    real, fake = draw(4, 3, seed=1), draw(4, 3, seed=2)
    module = torch_module(params, "tanh")
    names = [name for name, _ in module.named_parameters()]

    def objective(*parameters: torch.Tensor) -> torch.Tensor:
        named = dict(zip(names, parameters, strict=True))
        on_real = F.logsigmoid(functional_call(module, named, (real,))).mean()
        return on_real + F.logsigmoid(-functional_call(module, named, (fake,))).mean()

    parameters = tuple(parameter.detach() for parameter in module.parameters())
    tangents = tuple(draw(*parameter.shape, seed=30) for parameter in parameters)
    _, expected = jvp(objective, parameters, tangents)
    gradients = flat(gan.discriminator_gradients(params, real, fake, "tanh"))
    ours = sum((g * v).sum() for g, v in zip(gradients, tangents, strict=True))
    assert ours.item() == pytest.approx(expected.item(), rel=1e-10)


def test_gradient_of_the_input_is_autograds() -> None:
    params, x = network((3, 4, 2)), draw(5, 3).requires_grad_()
    delta = draw(5, 2, seed=4)
    (expected,) = torch.autograd.grad(output(params, x, "tanh"), x, delta)
    gradients, of_input = gan.back_propagate(params, x, delta, "tanh")
    torch.testing.assert_close(of_input, expected)
    assert [layer.weight.shape for layer in gradients] == [(4, 3), (2, 4)]


def test_one_step_raises_the_objective_and_lowers_the_loss() -> None:
    discriminator, generator = network((2, 8, 1)), network((2, 6, 2), seed=9)
    real, latents = draw(16, 2, seed=1) + 2, draw(16, 2, seed=2)
    fake = output(generator, latents, "tanh")

    def objective(params: gan.Params) -> torch.Tensor:
        logits = (output(params, x, "tanh") for x in (real, fake))
        return gan_losses.discriminator_objective(*logits)

    def fooled(params: gan.Params, loss: str) -> torch.Tensor:
        generated = output(params, latents, "tanh")
        return gan_losses.generator_loss(output(discriminator, generated, "tanh"), loss)

    ascent = gan.discriminator_gradients(discriminator, real, fake, "tanh")
    assert objective(gan.sgd_step(discriminator, ascent, -1e-3)) > objective(discriminator)
    for loss in LOSSES:
        descent = gan.generator_gradients(generator, discriminator, latents, "tanh", loss)
        trained = gan.sgd_step(generator, descent, 1e-3)
        assert fooled(trained, loss) < fooled(generator, loss)


def test_step_is_that_of_torchs_sgd_and_leaves_the_network_as_it_was() -> None:
    params = network((3, 4, 1))
    parameters = [tensor.clone().requires_grad_() for tensor in flat(params)]
    before = [tensor.clone() for tensor in flat(params)]
    gradients = gan.discriminator_gradients(params, draw(5, 3), draw(5, 3, seed=1), "relu")
    moved = gan.sgd_step(params, gradients, 0.1)
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    for parameter, gradient in zip(parameters, flat(gradients), strict=True):
        parameter.grad = gradient
    optimizer.step()
    torch.testing.assert_close(flat(moved), [parameter.detach() for parameter in parameters])
    torch.testing.assert_close(flat(params), before, rtol=0, atol=0)


def test_training_is_that_of_two_modules_and_two_optimizers() -> None:
    generator, discriminator = network((2, 4, 3), seed=20), network((3, 5, 1))
    real = [draw(4, 3, seed=seed) + 1 for seed in (1, 2, 3)]
    latents = [draw(5, 2, seed=seed) for seed in (4, 5, 6)]
    ours = gan.train(generator, discriminator, real, latents, "tanh", 0.3)
    modules = [torch_module(params, "tanh") for params in (generator, discriminator)]
    of_g, of_d = (torch.optim.SGD(module.parameters(), lr=0.3) for module in modules)
    for x, z in zip(real, latents, strict=True):
        of_d.zero_grad()
        (
            -gan_losses.discriminator_objective(modules[1](x), modules[1](modules[0](z).detach()))
        ).backward()
        of_d.step()
        of_g.zero_grad()
        gan_losses.generator_loss(modules[1](modules[0](z)), "non-saturating").backward()
        of_g.step()
    for params, module in zip(ours, modules, strict=True):
        theirs = [parameter.detach() for parameter in module.parameters()]
        torch.testing.assert_close(flat(params), theirs)


def test_losses_and_gradients_stay_finite_at_extreme_logits() -> None:
    params = (gan.Layer(torch.tensor([[1e4]]).double(), torch.zeros(1).double()),)
    real, fake = -torch.ones(2, 1).double(), torch.ones(2, 1).double()
    logits = (output(params, x, "tanh") for x in (real, fake))
    assert gan_losses.discriminator_objective(*logits).item() == -2e4
    (gradient,) = gan.discriminator_gradients(params, real, fake, "tanh")
    assert gradient.weight.item() == -2.0
