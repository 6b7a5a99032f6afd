import json


def make(course, student, notebook):
    work = notebook("def double(x): return 2 * x", "total = sum")
    (course / f"{student}-empty").mkdir()
    (course / f"{student}-two").mkdir()
    (course / f"{student}-two/one.ipynb").write_text(work)
    (course / f"{student}-two/two.ipynb").write_text(work)
    other = json.loads(work)
    other["metadata"]["grader"]["assignment"] = "another"
    (course / f"{student}-other.ipynb").write_text(json.dumps(other))
    return tuple(f"{student}-{kind}" for kind in ("empty", "two", "other"))
