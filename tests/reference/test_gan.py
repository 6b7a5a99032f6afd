"""Hand-made gradients against autograd, forward-mode products and what a step does."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch.func import functional_call, jvp

from reference import gan

ACTIVATIONS = ("relu", "leaky_relu", "tanh", "sigmoid", "softplus")
ARCHITECTURES = ((3, 1), (4, 6, 1), (2, 5, 3, 1), (3, 4, 7, 4, 1))
LOSSES = ("saturating", "non-saturating")


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def network(sizes: tuple[int, ...], activation: str, seed: int = 0) -> gan.Perceptron:
    return gan.Perceptron(
        tuple(
            gan.Layer(0.5 * draw(outputs, inputs, seed=seed + index), draw(outputs, seed=seed + 50))
            for index, (inputs, outputs) in enumerate(pairwise(sizes))
        ),
        activation,
    )


def tracked(perceptron: gan.Perceptron) -> tuple[gan.Perceptron, list[torch.Tensor]]:
    """The same network with parameters that autograd follows."""
    layers = tuple(
        gan.Layer(weight.clone().requires_grad_(), bias.clone().requires_grad_())
        for weight, bias in perceptron.layers
    )
    return perceptron._replace(layers=layers), [tensor for layer in layers for tensor in layer]


def torch_module(perceptron: gan.Perceptron) -> torch.nn.Sequential:
    kinds = {
        "relu": torch.nn.ReLU,
        "leaky_relu": torch.nn.LeakyReLU,
        "tanh": torch.nn.Tanh,
        "sigmoid": torch.nn.Sigmoid,
        "softplus": torch.nn.Softplus,
    }
    stack: list[torch.nn.Module] = []
    for weight, bias in perceptron.layers:
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
        linear.load_state_dict({"weight": weight.detach(), "bias": bias.detach()})
        stack += [linear, kinds[perceptron.activation]()]
    return torch.nn.Sequential(*stack[:-1])


def flat(gradients: tuple[gan.Layer, ...]) -> list[torch.Tensor]:
    return [tensor for layer in gradients for tensor in layer]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_forward_pass_is_that_of_torch_and_keeps_what_each_layer_read(activation: str) -> None:
    perceptron, x = network((3, 5, 4, 2), activation), draw(7, 3, seed=9)
    cache = gan.forward(perceptron, x)
    torch.testing.assert_close(cache.output, torch_module(perceptron)(x))
    assert torch.equal(cache.inputs[0], x)
    for layer, read, returned in zip(perceptron.layers, *cache, strict=True):
        torch.testing.assert_close(F.linear(read, layer.weight, layer.bias), returned)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_derivative_of_an_activation_is_autograds(activation: str) -> None:
    z = draw(20).requires_grad_()
    module = torch_module(network((1, 1, 1), activation))[1]
    (expected,) = torch.autograd.grad(module(z).sum(), z)
    torch.testing.assert_close(gan.activation_derivative(activation, z.detach()), expected)


def test_discriminator_returns_the_sigmoid_of_its_logit() -> None:
    discriminator, x = network((3, 4, 1), "tanh"), draw(6, 3)
    logits = torch_module(discriminator)(x)
    torch.testing.assert_close(gan.discriminate(discriminator, x), 1 / (1 + (-logits).exp()))


@pytest.mark.parametrize("sizes", ARCHITECTURES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_discriminator_gradients_are_autograds(activation: str, sizes: tuple[int, ...]) -> None:
    discriminator = network(sizes, activation)
    real, fake = draw(5, sizes[0], seed=1), draw(8, sizes[0], seed=2)
    module = torch_module(discriminator)
    probability_real, probability_fake = module(real).sigmoid(), module(fake).sigmoid()
    objective = probability_real.log().mean() + (1 - probability_fake).log().mean()
    ours = gan.discriminator_objective(discriminator, real, fake)
    assert ours.item() == pytest.approx(objective.item(), rel=1e-9)
    expected = torch.autograd.grad(objective, list(module.parameters()))
    actual = flat(gan.discriminator_gradients(discriminator, real, fake))
    torch.testing.assert_close(actual, list(expected), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("sizes", ARCHITECTURES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_generator_gradients_are_autograds(
    loss: str, activation: str, sizes: tuple[int, ...]
) -> None:
    discriminator = network(sizes, activation)
    generator = network((2, 4, sizes[0]), "tanh", seed=20)
    latents = draw(6, 2, seed=3)
    module = torch_module(generator)
    probability = torch_module(discriminator)(module(latents)).sigmoid()
    value = (1 - probability).log().mean() if loss == "saturating" else -probability.log().mean()
    ours = gan.generator_loss(generator, discriminator, latents, loss)
    assert ours.item() == pytest.approx(value.item(), rel=1e-9)
    expected = torch.autograd.grad(value, list(module.parameters()))
    actual = flat(gan.generator_gradients(generator, discriminator, latents, loss))
    torch.testing.assert_close(actual, list(expected), rtol=1e-8, atol=1e-10)


# Forward-mode rules are scripted inside torch when they are first used.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_discriminator_gradients_are_forward_mode_products() -> None:
    discriminator = network((3, 5, 1), "softplus")
    real, fake = draw(4, 3, seed=1), draw(4, 3, seed=2)
    module = torch_module(discriminator)
    names = [name for name, _ in module.named_parameters()]

    def objective(*parameters: torch.Tensor) -> torch.Tensor:
        named = dict(zip(names, parameters, strict=True))
        on_real = F.logsigmoid(functional_call(module, named, (real,))).mean()
        return on_real + F.logsigmoid(-functional_call(module, named, (fake,))).mean()

    parameters = tuple(parameter.detach() for parameter in module.parameters())
    tangents = tuple(draw(*parameter.shape, seed=30) for parameter in parameters)
    _, expected = jvp(objective, parameters, tangents)
    gradients = flat(gan.discriminator_gradients(discriminator, real, fake))
    ours = sum((g * v).sum() for g, v in zip(gradients, tangents, strict=True))
    assert ours.item() == pytest.approx(expected.item(), rel=1e-10)


def test_gradient_of_the_input_is_autograds() -> None:
    perceptron = network((3, 4, 2), "tanh")
    x, delta = draw(5, 3).requires_grad_(), draw(5, 2, seed=4)
    cache = gan.forward(perceptron, x)
    (expected,) = torch.autograd.grad(cache.output, x, delta)
    gradients, of_input = gan.back_propagate(perceptron, cache, delta)
    torch.testing.assert_close(of_input, expected)
    assert [layer.weight.shape for layer in gradients] == [(4, 3), (2, 4)]


def test_discriminator_gradients_need_no_generator_and_the_reverse_moves_no_discriminator() -> None:
    discriminator, generator = network((2, 3, 1), "tanh"), network((2, 2), "tanh", seed=9)
    before = [tensor.clone() for tensor in flat(discriminator.layers)]
    gradients = gan.generator_gradients(generator, discriminator, draw(4, 2), "saturating")
    assert [layer.weight.shape for layer in gradients] == [
        layer.weight.shape for layer in generator.layers
    ]
    gan.sgd_step(generator, gradients, 0.5)
    torch.testing.assert_close(flat(discriminator.layers), before, rtol=0, atol=0)


def test_one_step_raises_the_objective_and_lowers_the_loss() -> None:
    discriminator = network((2, 8, 1), "tanh")
    generator = network((2, 6, 2), "tanh", seed=9)
    real, latents = draw(16, 2, seed=1) + 2, draw(16, 2, seed=2)
    fake = gan.forward(generator, latents).output
    before = gan.discriminator_objective(discriminator, real, fake)
    ascent = gan.discriminator_gradients(discriminator, real, fake)
    moved = gan.sgd_step(discriminator, ascent, -1e-3)
    assert gan.discriminator_objective(moved, real, fake) > before
    for loss in LOSSES:
        descent = gan.generator_gradients(generator, discriminator, latents, loss)
        trained = gan.sgd_step(generator, descent, 1e-3)
        after = gan.generator_loss(trained, discriminator, latents, loss)
        assert after < gan.generator_loss(generator, discriminator, latents, loss)


def test_step_is_that_of_torchs_sgd_and_leaves_the_network_as_it_was() -> None:
    perceptron, parameters = tracked(network((3, 4, 1), "relu"))
    gradients = gan.discriminator_gradients(perceptron, draw(5, 3), draw(5, 3, seed=1))
    moved = gan.sgd_step(perceptron, gradients, 0.1)
    untouched = [parameter.detach().clone() for parameter in parameters]
    optimizer = torch.optim.SGD(parameters, lr=0.1)
    for parameter, gradient in zip(parameters, flat(gradients), strict=True):
        parameter.grad = gradient.detach()
    torch.testing.assert_close([p.detach() for p in parameters], untouched, rtol=0, atol=0)
    optimizer.step()
    torch.testing.assert_close(flat(moved.layers), parameters)


def test_losses_and_gradients_stay_finite_at_extreme_logits() -> None:
    layer = gan.Layer(torch.tensor([[1e4]]).double(), torch.zeros(1).double())
    discriminator = gan.Perceptron((layer,), "tanh")
    real, fake = -torch.ones(2, 1).double(), torch.ones(2, 1).double()
    assert gan.discriminator_objective(discriminator, real, fake).item() == -2e4
    (gradient,) = gan.discriminator_gradients(discriminator, real, fake)
    assert gradient.weight.item() == -2.0
