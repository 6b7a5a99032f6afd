from grader.submission.names import clean_id


def make(course, student, notebook):
    names = [f"{student}-\u202eznak\u0301", f"{student}-{'x' * 230}", f"{student}-two\nlines"]
    names += [f"{student}-case", f"{student}-CASE", f"{student}-\U0001f984 \u200b..."]
    for name in names:
        (course / f"{name}.ipynb").write_text(
            notebook("def double(x): return 2 * x", "total = sum")
        )
    return tuple(map(clean_id, names))
