def drill(course):
    for student in ("ann", "bob"):
        course.neighbour(student)
    course.run()
    before = course.results()
    (course.out / "results.json").write_text((course.out / "results.json").read_text()[:300])
    (course.out / "results.partial").write_text("{")
    (course.out / "grades.csv").write_text("student_id")
    (course.out / "notebooks/ann.ipynb").write_text('{"cells": [')
    (course.out / "grader.sqlite-wal").write_bytes(bytes(range(256)) * 20)
    (course.out / "report/index.html").unlink()
    course.run()
    assert course.status == 0, course.said
    assert "Traceback" not in course.said
    assert course.results() == before
    assert course.page("ann")
    assert (course.out / "report/index.html").is_file()
    assert not list(course.out.glob("*.partial"))
