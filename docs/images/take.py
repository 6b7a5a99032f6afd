"""Takes the pictures of the documentation: `python -m docs.images.take [RUN]`.

Grades some of the VAE's examples, opens every page of the report and of the review in Chromium,
wide and narrow, light and dark, and keeps the top of each as a PNG of few colours beside this file.
Typed in the repository; RUN keeps the grades for another time.
"""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
import yaml
from PIL import Image
from selenium import webdriver

from grader.marks import Mark, Marks
from grader.skeleton import make
from grader.store import FILE
from tests.browser.conftest import started
from tests.browser.test_review import reviewing
from tests.review.evening import address

HERE = Path(__file__).absolute().parent
EXAMPLES = HERE.parents[1] / "assignments" / "vae" / "submissions"
STUDENTS = {
    "Ada Byron": "right",
    "Émilie du Châtelet": "missing-half",
    "Finn O'Brien": "missing-half",
    "Lin Okafor": "log-std-as-log-var",
    "Ngozi Adichie": "shared-noise",
    "Omar Haddad": "kl-summed-over-batch",
    "Priya Raman": "empty",
    "Sofia Rossi": "forged-bpd",
    "Zhang Wei": "crashes",
}
# What two of them have and nobody else.
SHARED = """def smoothed(curve, span=25):
    weights = torch.hann_window(span + 2)[1:-1]
    padded = torch.nn.functional.pad(curve[None, None], (span // 2, span // 2), mode="replicate")
    return torch.nn.functional.conv1d(padded, (weights / weights.sum())[None, None])[0, 0]


def early_stop(history, patience=8, least=1e-3):
    best, since = float("inf"), 0
    for step, loss in enumerate(smoothed(torch.tensor(history))):
        if loss < best - least:
            best, since = float(loss), 0
        elif (since := since + 1) > patience:
            return step - patience
    return len(history)


def outliers(images, errors, share=0.02):
    worst = errors.flatten().argsort(descending=True)[: max(1, int(share * len(images)))]
    grid = images[worst].reshape(-1, 8, 8).permute(1, 0, 2).reshape(8, -1)
    return worst.tolist(), grid.clamp(0, 1).mul(255).byte()
"""
WIDTHS = {1280: 1500, 390: 1900}  # with the height that is kept
COLOURS = 48


def main() -> None:
    """Grades, then takes every picture."""
    with tempfile.TemporaryDirectory() as folder:
        # From there, so that what a page says of commands names no place of this machine.
        os.chdir(sys.argv[1] if len(sys.argv) > 1 else folder)
        out = graded()
        browser = started(Path(folder) / "profile")
        with reviewing(out, *["--author", "Ann"]) as (entrance,):
            browser.get(entrance)
            for name, place in {**written(out), **reviewed(entrance)}.items():
                take(browser, name, place)
        browser.quit()


def graded() -> Path:
    """A run of the examples, handed in by people, with some marks."""
    out = Path("demo-out")
    if not (out / "results.json").is_file():
        download = handed_in(Path("download"))
        grader("run", str(download), "--assignment", "vae", "--out", str(out))
        grader("audit", str(make(Path("my_topic"))), "--out", str(out / "audit"))
        mark(out)
    return out


def handed_in(folder: Path) -> Path:
    """The examples as a download of Gradescope."""
    about = {}
    for number, (name, example) in enumerate(STUDENTS.items(), 1):
        hand_in = shutil.copytree(EXAMPLES / example, folder / f"submission_{number}")
        if example == "missing-half":
            share(next(hand_in.glob("*.ipynb")))
        about[f"submission_{number}"] = {":submitters": [{":name": name, ":sid": 4400 + number}]}
    (folder / "submission_metadata.yml").write_text(yaml.safe_dump(about), "utf-8")
    return folder


def share(path: Path) -> None:
    """Adds to a notebook what two of the class have in common."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(SHARED))
    nbformat.write(notebook, path)


def grader(*arguments: str) -> None:
    """Types a command."""
    subprocess.run([sys.executable, "-m", "grader.cli", *arguments], check=True)


def mark(out: Path) -> None:
    """An answer marked, another by two people at once, and a verdict overruled."""
    rows = json.loads((out / "results.json").read_text("utf-8"))["submissions"]
    digest = {row["student_id"]: row["digest"] for row in rows}

    def given(student: str, question: str, points: float, comment: str, **more: str) -> Mark:
        author, reason = more.get("author", "Ann"), more.get("reason", "")
        return Mark(student, question, 0, points, comment, reason, author, digest[student])

    marks = Marks(out / FILE)
    marks.add(given("4401", "prose", 2, "Both points are there."))
    marks.add(given("4402", "prose", 1, "Which of the two terms?"))
    marks.add(given("4402", "prose", 2, "Says it in the margin.", author="Bo"))
    marks.add(given("4404", "kl", 2.5, "", reason="The sheet had the convention wrong."))


def written(out: Path) -> dict[str, str]:
    """Pages on disk."""
    report = out / "report"
    grader("report", str(out))
    pages = {
        "class": report / "index.html",
        "student": report / "students" / "4402.html",
        "feedback": out / "feedback" / "4402.html",
        "pair": next(iter(sorted((report / "pairs").glob("*.html")))),
        "audit": next((out / "audit").glob("*.html")),
    }
    return {name: path.absolute().as_uri() for name, path in pages.items()}


def reviewed(entrance: str) -> dict[str, str]:
    """Pages of the review."""
    origin = entrance.partition("/enter")[0]
    paths = {
        "overview": "/",
        "answers": "/questions/prose",
        "answer": address("prose", "4401"),
        "disputed": address("prose", "4402"),
        "overruled": address("kl", "4404"),
        "notebook": address("prose", "4401").replace("questions/prose", "notebooks"),
    }
    return {f"review-{name}": f"{origin}{path}" for name, path in paths.items()}


def take(browser: webdriver.Chrome, name: str, place: str) -> None:
    """The four pictures of one page."""
    for width, height, scheme in looks():
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        browser.get(place)
        shown = browser.execute_script("return document.scrollingElement.scrollHeight")
        metrics["height"] = min(shown, height)
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        shot = browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        keep(base64.b64decode(shot["data"]), HERE / f"{name}-{width}-{scheme}.png")


def looks() -> Iterator[tuple[int, int, str]]:
    """Width, greatest height and colours."""
    for width, height in WIDTHS.items():
        for scheme in ("light", "dark"):
            yield width, height, scheme


def keep(shot: bytes, path: Path) -> None:
    """A PNG of few colours, which is what text on a page has."""
    with Image.open(io.BytesIO(shot)) as picture:
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


if __name__ == "__main__":
    main()
