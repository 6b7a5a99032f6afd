from grader.submission.names import clean_id


def make(course, student, notebook):
    name = f"{student}\x1b[2J\x1b]0;pwned\x07"
    shown = "print('\\x1b[2J\\x1b]0;pwned\\x07 \\x9b31m \\x1b]8;;file:///etc/passwd\\x07link')"
    failing = "raise ValueError('\\x1b[2J')"
    total = "def total(values): raise ValueError('\\x1b[2J\\x1b]0;pwned\\x07')"
    work = notebook("def double(x): return 2 * x", total, shown, failing)
    (course / f"{name}.ipynb").write_text(work)
    return (clean_id(name),)
