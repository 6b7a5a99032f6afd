from tests.attacks.slurm import device_lost


def drill(course):
    device_lost(course)
