import resource

import psutil


def drill(course):
    for number in range(4):
        course.neighbour(f"student{number}")
    with course.started() as process:
        said = ""
        while "[1/4]" not in said:
            said += (line := process.stdout.readline())
            assert line, said
        # Of the scheduler alone, which is the only one that writes to the store.
        psutil.Process(process.pid).rlimit(psutil.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
        rest, _ = process.communicate(timeout=120)
    assert process.returncode == 2, said + rest
    assert "Traceback" not in rest
    assert "cannot be written" in " ".join(rest.split()), rest
    assert course.processes(seconds=60) == []
    course.run()
    assert course.status == 0, course.said
    assert "[4/4]" not in course.said, "nothing was kept"
    assert {row["score"] for row in course.results().values()} == {3}
    # What is empty and the interpreter's own may stay where a run was cut short.
    assert not [line for line in course.left if not line.startswith("temporary")]
