import os


def make(course, student, notebook):
    (course / student).mkdir()
    os.symlink("/etc/passwd", course / student / "work.ipynb")
