import os
import zipfile


def make(course, student, notebook):
    earlier, latest = course / f"{student}.zip", course / f"{student}.ipynb"
    with zipfile.ZipFile(earlier, "w") as archive:
        archive.writestr("work.ipynb", notebook("x = 1"))
    latest.write_text(notebook("def double(x): return 2 * x", "total = sum"))
    os.utime(earlier, (1_000_000_000, 1_000_000_000))
