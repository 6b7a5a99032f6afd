import torch


def scale(values):
    return 2 * values


def noise(count):
    return torch.randn(count)


def encode(number):
    return number / 2


def decode(code):
    return 2 * code


def predict(bits):
    return torch.zeros(len(bits))
