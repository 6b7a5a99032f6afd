def make(course, student, notebook):
    with open(course / f"{student}.ipynb", "wb") as file:
        file.write(notebook("x = 1").encode())
        file.truncate(8 << 30)
