"""The made-up class with two who hand in one training loop, and a formula in an answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import reports
from grader.regrading import regrades
from tests.reports import sample
from tests.reports.sample_notebook import code

ANSWER = r"""## Why
The estimate is $\log p(x) = \log \mathbb E_{z \sim p(z)}[p(x \mid z)]$, and

$$\log p(x) \ge \mathbb E_{q(z \mid x)}[\log p(x \mid z)] - \sum_{i=1}^{D} \frac{1}{2}
\left(\sigma_i^2 + \mu_i^2 - 1 - \log \sigma_i^2\right) + \text{a line that is far too long}$$

- Most $z$ explain $x$ *badly*.

| D | variance |
|---|----------|
| 2 | $10^3$   |
"""
TRAINING = """def train(model, loader, epochs=20, lr=1e-3):
    opt = torch.optim.Adam(model.parameters(), lr=lr)
    history = []
    for epoch in range(epochs):
        total = 0.0
        for images, _ in loader:
            loss, parts = model(images.float() / 15)
            opt.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            total += loss.item() * len(images)
        history.append(total / len(loader.dataset))
    return history
"""
RENAMED = TRAINING.replace("history", "losses").replace("loader", "batches")


def write(folder: Path) -> Path:
    """Both audiences' pages of the class; graded again, with one who came out otherwise."""
    notebooks = sample.write_notebooks(folder / "notebooks")
    for index, source in ((0, TRAINING), (4, RENAMED)):
        path = notebooks / f"{index}.ipynb"
        document = json.loads(path.read_text("utf-8"))
        document["cells"][0]["source"] = ANSWER
        document["cells"].append(code(source, "training"))
        path.write_text(json.dumps(document), "utf-8")
    now = sample.results()
    before = replace(sample.student(3, now[3].name, ""), assignment_digest="old")
    changed = regrades({before.student_id: before}, now)
    given = (sample.ASSIGNMENT, folder / "report", notebooks, sample.CATALOGUE)
    reports.render(now, *given, changed)
    reports.render_feedback(
        now, sample.ASSIGNMENT, folder / "feedback", notebooks, sample.CATALOGUE
    )
    return folder
