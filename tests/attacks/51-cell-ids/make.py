import json


def make(course, student, notebook):
    made = json.loads(notebook("x = 1", "def double(x): return 2 * x", "total = sum", "y = 2"))
    for cell, name in zip(made["cells"], ("same", "same", None, "../" * 40), strict=True):
        cell["id"] = name
        if name is None:
            del cell["id"]
    (course / f"{student}.ipynb").write_text(json.dumps(made))
