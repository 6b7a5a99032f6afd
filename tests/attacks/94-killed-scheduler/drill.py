import time

MOMENTS = (0.0, 0.4, 1.1)


def drill(course):
    for number in range(6):
        course.neighbour(f"student{number}")
    for seconds in MOMENTS:
        with course.started() as process:
            process.stdout.readline()
            time.sleep(seconds)
            process.kill()
            process.communicate(timeout=30)
        assert course.processes(seconds=60) == []
    course.run()
    assert course.status == 0, course.said
    results = course.results()
    assert len(results) == 6
    assert {(row["status"], row["score"]) for row in results.values()} == {("graded", 3)}
    assert not [line for line in course.left if not line.startswith("temporary")]
