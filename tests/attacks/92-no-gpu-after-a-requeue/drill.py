from tests.attacks.slurm import requeued


def drill(course):
    requeued(course, first="export CUDA_VISIBLE_DEVICES=0", later="export CUDA_VISIBLE_DEVICES=")
