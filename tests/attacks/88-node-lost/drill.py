from tests.attacks.slurm import node_lost


def drill(course):
    node_lost(course)
