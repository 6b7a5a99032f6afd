"""Every pair of text and background colours that the style sheets combine can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import reports

STATIC = Path(reports.__file__).parent / "static"
TONES = ["good", "fair", "bad", "wait", "ours", "quiet"]
CODE = ["key", "text", "num", "note", "def"]
GROUNDS = ["page", "surface", "inset"]
AA = 4.5  # WCAG 2.2, 1.4.3, text of ordinary size


def palette(dark: bool) -> dict[str, str]:
    colours: dict[str, str] = {}
    for name in ("base.css", "code.css"):
        light, night = re.findall(r":root \{(.*?)\}", (STATIC / name).read_text(), re.DOTALL)[:2]
        for block in (light, night) if dark else (light,):
            colours |= dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", block))
    return colours


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    channels = (int(digits[i : i + 2], 16) / 255 for i in (0, 2, 4))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first: str, second: str) -> float:
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_on_white_is_21() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("dark", [False, True])
def test_text_can_be_read_on_every_ground(dark: bool) -> None:
    colours = palette(dark)
    pairs = [(text, ground) for text in ["ink", "soft", "link", *TONES] for ground in GROUNDS]
    pairs += [(tone, f"{tone}-bg") for tone in TONES] + [("ink", f"{tone}-bg") for tone in TONES]
    pairs += [(code, ground) for code in CODE for ground in ("inset", "fair-bg")]
    faint = {pair: contrast(*(colours[name] for name in pair)) for pair in pairs}
    assert {pair: ratio for pair, ratio in faint.items() if not ratio >= AA} == {}
