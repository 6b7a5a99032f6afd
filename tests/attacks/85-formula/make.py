def make(course, student, notebook):
    names = ("=HYPERLINK(A1)", "+1+cmd|' '!A0", "-2+3", "@SUM(1)")
    for name in names:
        work = notebook("def double(x): return 2 * x", "total = sum")
        (course / f"{name}.ipynb").write_text(work)
    return names
