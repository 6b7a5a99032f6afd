from __future__ import annotations

import re
import time

import pytest
from markupsafe import Markup

from reports.formulas import formula, numbers, symbol, with_math


def inside(latex: str) -> str:
    """What stands in the row of a formula."""
    found = re.fullmatch(r'<math display="inline"><mrow>(.*)</mrow></math>', formula(latex))
    assert found is not None
    return found[1]


def test_a_formula_is_mathml() -> None:
    assert inside("x_t^2") == "<msubsup><mi>x</mi><mi>t</mi><mn>2</mn></msubsup>"
    assert inside(r"\frac{1}{2}") == (
        "<mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac>"
    )
    assert inside(r"\log p(x)").startswith(
        '<mi>log</mi><mspace width="0.167em"></mspace><mi>p</mi>'
    )
    assert formula("x", display=True).startswith('<math display="block">')


@pytest.mark.parametrize(
    ("latex", "letter"),
    [
        (r"\mathbb E", "𝔼"),
        (r"\mathbb{R}", "ℝ"),
        (r"\mathcal N", "𝒩"),
        (r"\mathcal{L}", "ℒ"),
        (r"\mathbf{I}", "𝐈"),
        (r"\boldsymbol{x}", "𝒙"),
        (r"\mathsf{A}", "𝖠"),
        (r"\mathtt{b}", "𝚋"),
    ],
)
def test_letters_of_other_fonts_are_characters_of_their_own(latex: str, letter: str) -> None:
    assert letter in formula(latex)
    assert "mathvariant" not in formula(latex)


def test_upright_words_stay_upright() -> None:
    assert '<mi mathvariant="normal">K</mi>' in formula(r"\mathrm{KL}")


@pytest.mark.parametrize(
    "latex",
    [
        r"\href{javascript:alert(1)}{x}",
        r"\style{position:fixed;inset:0}{x}",
        r"\class{banner}{x}",
        r"\text{<img src=x onerror=alert(1)>}",
        r"\text{&lt;script&gt;alert(1)&lt;/script&gt;}",
        r"\mbox{</math><script>alert(1)</script>}",
        r"\color{red;background:url(http://x)}x",
        r"\hspace{-80em}x",
        r"\hspace{400em}x",
        r"{\Huge 20/20}",
        '"><script>alert(1)</script>',
        r"\begin{matrix}<b>&</b>\end{matrix}",
    ],
)
def test_no_formula_brings_an_address_a_style_or_an_element(latex: str) -> None:
    html = formula(latex)
    assert set(re.findall(r"</?([a-z-]+)", html)) <= {
        "math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mstyle", "mtable", "mtr", "mtd",
        "code",
    }  # fmt: skip
    for name, value in re.findall(r'([a-z-]+)="([^"]*)"', html):
        assert name in {"display", "stretchy", "fence", "form", "scriptlevel", "displaystyle"}, (
            value
        )


def test_marks_that_turn_text_around_are_visible_in_a_formula() -> None:
    assert "‹U+202E›" in formula(r"\text{a&#x202e;b}")


@pytest.mark.parametrize(
    "latex",
    [
        "{" * 700 + "}" * 700,
        r"\frac" * 10,
        "^" * 1500,
        r"\newcommand{\a}{\b\b\b}\newcommand{\b}{\a\a\a}\a",
        r"\left(",
        r"\begin{nothing}x",
        "",
    ],
    ids=["deep", "fractions", "powers", "macros", "unclosed", "unknown", "empty"],
)
def test_what_cannot_be_typeset_is_shown_as_it_was_written(latex: str) -> None:
    begun = time.process_time()
    html = formula(latex)
    assert time.process_time() - begun < 2
    assert html in (
        Markup("<code>{}</code>").format(latex),
        '<math display="inline"><mrow></mrow></math>',
    )


def test_dollar_signs_enclose_formulas_and_stay_money_elsewhere() -> None:
    assert with_math("$x$ < 1") == formula("x") + " < 1"
    assert with_math("It costs $5, then $6 <b>") == "It costs $5, then $6 &lt;b&gt;"
    assert with_math("from $ 5 to $ 6") == "from $ 5 to $ 6"
    assert with_math("$$x$$") == formula("x", display=True)


def test_a_name_with_an_index_is_set_with_it() -> None:
    assert symbol("x_t") == "<var>x<sub>t</sub></var>"
    assert symbol("x0") == "<var>x<sub>0</sub></var>"
    assert symbol("log_std") == "<var>log_std</var>"
    assert symbol("<b>") == "<var>&lt;b&gt;</var>"


def test_small_matrices_are_set_and_all_else_is_left() -> None:
    row = "<mtr><mtd><mn>0.5</mn></mtd><mtd><mn>−1.0</mn></mtd></mtr>"
    assert row in numbers("[[0.5, -1.0], [2.0, 3.0]]")
    assert numbers("[[0.5, -1.0], [2.0, 3.0]]").count("<mtr>") == 2
    for plain in (
        "[2.0]",
        "[[1.0, 2.0]]",
        "2.0",
        "[[1, 2], [3]]",
        "[[nan, 1.0]]",
        "shape (3, 4)",
        "[[[1]]]",
        "[[",
    ):
        assert numbers(plain) == plain
    assert numbers("<b>") == "&lt;b&gt;"
    assert numbers("[" * 100_000) == "[" * 100_000
