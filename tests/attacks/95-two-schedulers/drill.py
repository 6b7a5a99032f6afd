def drill(course):
    for number in range(4):
        course.neighbour(f"student{number}")
    with course.started() as first:
        while not (course.out / "grader.sqlite").exists():
            assert first.poll() is None
        with course.started() as second:
            said, _ = second.communicate(timeout=60)
        rest, _ = first.communicate(timeout=120)
    assert second.returncode == 1, said
    assert "another run is writing" in " ".join(said.split())
    assert first.returncode == 0, rest
    assert {row["score"] for row in course.results().values()} == {3}
    assert course.processes(seconds=5) == []
