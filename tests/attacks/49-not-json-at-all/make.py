def make(course, student, notebook):
    contents = [bytes(range(256)) * 64, b"[" * 3_000_000, b"9" * 100_000, b"", b"null"]
    students = []
    for number, content in enumerate(contents):
        students.append(f"{student}-{number}")
        (course / f"{student}-{number}.ipynb").write_bytes(content)
    return tuple(students)
