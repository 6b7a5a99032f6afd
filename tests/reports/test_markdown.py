from __future__ import annotations

import re
import time

import pytest

from reports.formulas import formula
from reports.markdown import rendered


def test_paragraphs_lists_tables_and_code_are_set() -> None:
    html = rendered("One *two* **three**\n\n- four\n- `five`\n\n|a|b|\n|-|-|\n|6|7|\n")
    assert "<p>One <em>two</em> <strong>three</strong></p>" in html
    assert "<li><code>five</code></li>" in html
    assert "<td>6</td>" in html


def test_formulas_are_typeset_in_a_line_and_on_their_own() -> None:
    assert f'<span class="math inline">{formula("x_t")}</span>' in rendered("as $x_t$ says")
    block = formula("a\n- b", display=True)
    assert block in rendered("Thus\n\n$$\na\n- b\n$$\n")
    assert f"<p>so <span>{block}</span> holds</p>" in rendered("so $$a - b$$ holds")
    assert '<math display="block">' in rendered("\\begin{align}\na &= b\n\\end{align}\n")


def test_code_is_no_formula() -> None:
    assert rendered("`$x$`") == "<p><code>$x$</code></p>\n"


def test_headings_do_not_join_the_outline_of_the_page() -> None:
    assert rendered("# One\n\nTwo\n===\n") == (
        '<p class="heading">One</p>\n<p class="heading">Two</p>\n'
    )


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "a <b onclick=alert(1)>b</b>",
        "[a](javascript:alert(1))",
        "[a](https://example.org)",
        "![a](https://example.org/a.png)",
        "![a](data:image/svg+xml,<svg onload=alert(1)>)",
        "<https://example.org>",
        "[a]: javascript:alert(1)\n\n[a]",
        "```html\n<script>alert(1)</script>\n```",
        '```"><script>alert(1)</script>\n```',
        "&lt;script&gt;&#60;script&#62;",
        "$\\text{<script>alert(1)</script>}$",
        "$$<script>alert(1)</script>",
        "\\begin{align}<script>alert(1)</script>\\end{align}",
        "|<script>|\n|-|\n|<img src=x>|",
        "<!-- --><style>body{display:none}</style>",
    ],
)
def test_nothing_active_comes_through(text: str) -> None:
    html = rendered(text)
    allowed = {
        "p", "em", "strong", "code", "pre", "div", "span", "table", "thead", "tbody", "tr", "th",
        "td", "math", "mrow", "mi", "mn", "mo", "mtext", "mtable", "mtr", "mtd",
    }  # fmt: skip
    assert set(re.findall(r"<([a-z!-]+)", html)) <= allowed
    assert not re.search(r"<[^>]*\s(on\w+|href|src|style)=", html)


def test_entities_cannot_spell_what_was_made_visible() -> None:
    assert "\u202e" not in rendered("&#x202e;abc &rlm;")


@pytest.mark.parametrize(
    "piece", ["[[", ">", "*", "$", "$a", "$x$ ", "$$\n", "- ", "|a", "\\begin{a}"]
)
def test_a_hostile_cell_is_read_in_no_time(piece: str) -> None:
    begun = time.process_time()
    rendered((piece * 12_000)[:12_000])
    assert time.process_time() - begun < 5
