SHADOWS = ("torch", "numpy", "json", "socket", "safetensors", "grader", "sitecustomize", "random")


def make(course, student, notebook):
    folder = course / student
    folder.mkdir()
    for name in SHADOWS:
        text = f"open('/tmp/pwned-{name}', 'w')\nraise SystemExit('shadow of {name}')\n"
        (folder / f"{name}.py").write_text(text)
    work = notebook("def double(x): return 2 * x", "total = sum", "import torch")
    (folder / "work.ipynb").write_text(work)
