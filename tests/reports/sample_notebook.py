"""Executed notebooks as they lie on disk: an ordinary one and a hostile one."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

KLD = '''def KLD(mean, log_std):
    """KL divergence to the standard normal, one number per image."""
    # mean and log_std have shape (B, D)
    var = torch.exp(2 * log_std)
    return {front}(var + mean**2 - 1 - 2 * log_std).sum(dim=-1)
'''
REPARAM = """def sample_reparameterize(mean, std):
    assert not (std < 0).any(), "standard deviations are positive"
    eps = torch.randn_like(std)
    return mean + eps * std
"""
MANIFOLD = """@torch.no_grad()
def visualize_manifold(decoder, grid_size=20):
    percentiles = (torch.arange(grid_size) + 0.5) / grid_size
    axis = torch.distributions.Normal(0, 1).icdf(percentiles)
    z = torch.cartesian_prod(axis, axis)
    return make_grid(decoder(z).mean, nrow=grid_size)
"""


def image(picture: Image.Image, kind: str = "PNG") -> str:
    out = io.BytesIO()
    picture.save(out, kind)
    return base64.b64encode(out.getvalue()).decode()


def digits() -> Image.Image:
    """A grid of 8 by 8 blurred blobs, in the place of digits."""
    y, x = np.mgrid[0:28, 0:28]
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(8):
        centres = rng.uniform(8, 20, (8, 2, 2))
        blobs = [sum(np.exp(-((x - a) ** 2 + (y - b) ** 2) / 14) for a, b in c) for c in centres]
        rows.append(np.hstack([np.pad(b, 2) for b in blobs]))
    grid = np.clip(np.vstack(rows), 0, 1)
    return Image.fromarray((255 * grid).astype(np.uint8)).resize((512, 512))


def code(source: str, grade_id: str, *outputs: dict[str, Any]) -> dict[str, Any]:
    metadata = {"nbgrader": {"grade_id": grade_id, "solution": True}} if grade_id else {}
    return {"cell_type": "code", "source": source, "metadata": metadata, "outputs": list(outputs)}


def ordinary(*, missing_half: bool, raises: bool) -> dict[str, Any]:
    stream = {"output_type": "stream", "name": "stdout"}
    error = {
        "output_type": "error",
        "ename": "RuntimeError",
        "evalue": "mat1 and mat2",
        "traceback": ["\x1b[0;31mRuntimeError\x1b[0m: mat1 and mat2 shapes cannot be multiplied"],
    }
    prose = {
        "cell_type": "markdown",
        "metadata": {"nbgrader": {"grade_id": "mc"}},
        "source": [
            "Most z drawn from the prior explain a given x badly, so nearly all terms of the\n",
            "mean are close to zero and a few rare ones decide it.",
        ],
    }
    grid = {
        "output_type": "display_data",
        "data": {"image/png": image(digits()), "text/plain": "<Figure size 512x512>"},
    }
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {},
        "cells": [
            prose,
            code(
                KLD.format(front="" if missing_half else "0.5 * "),
                "kl",
                stream | {"text": ["KL of the first batch: ", "41.02 nats\n"]},
            ),
            code(REPARAM, "reparam-solution"),
            code("plt.imshow(make_grid(vae.sample(64)))", "grid-samples", grid),
            code(MANIFOLD, "", *([error] if raises else [])),
        ],
    }


def hostile(xss: str) -> dict[str, Any]:
    """Outputs of the wrong types, markup in every field, images that are none."""
    mimes = ("text/html", "image/svg+xml", "application/javascript", "text/markdown", "text/plain")
    data = dict.fromkeys((*mimes, xss), xss)
    stream = {"output_type": "stream", "name": xss, "text": xss * 2000}
    outputs: list[Any] = [
        {"output_type": "display_data", "data": data},
        {"output_type": "display_data", "data": {"image/png": xss}},
        {"output_type": "display_data", "data": {"image/png": 17, "text/plain": [1, None, "kept"]}},
        {"output_type": "display_data", "data": [xss]},
        {"output_type": "error", "ename": xss, "evalue": xss, "traceback": xss},
        {"output_type": "error", "ename": 3, "evalue": ["\ud800"], "traceback": [xss, 5, None]},
        stream,
        12,
        None,
        xss,
        {"output_type": ["stream"]},
        {"output_type": "stream", "text": 5},
    ]
    return {
        "cells": [
            "not a cell",
            None,
            {"cell_type": "code", "source": 12, "metadata": "none", "outputs": "none"},
            {
                "cell_type": "markdown",
                "source": f"# {xss}\n[a](javascript:alert(1))",
                "metadata": {"nbgrader": {"grade_id": "mc"}},
            },
            {
                "cell_type": "code",
                "source": [f"x = '{xss}'\n", 4, "</code></pre>\u2066"],
                "metadata": {"nbgrader": {"grade_id": "kl"}, "tags": xss},
                "outputs": outputs,
            },
        ],
    }
