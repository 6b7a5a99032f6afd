from tests.attacks.slurm import requeued


def drill(course):
    requeued(course)
