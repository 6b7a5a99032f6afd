import zipfile


def make(course, student, notebook):
    with zipfile.ZipFile(course / f"{student}.zip", "w") as archive:
        archive.writestr("../../../../pwned.ipynb", notebook("x = 1"))
        archive.writestr("/tmp/pwned.ipynb", notebook("x = 1"))
        archive.writestr("work.ipynb", notebook("x = 1"))
