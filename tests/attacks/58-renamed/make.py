def make(course, student, notebook):
    (course / student).mkdir()
    work = notebook("def double(x): return 2 * x", "total = sum")
    (course / student / "Untitled17 (final) (2) copy.ipynb").write_text(work)
