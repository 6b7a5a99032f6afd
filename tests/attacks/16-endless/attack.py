import itertools


def double(x):
    return itertools.count()


def total(values):
    while True:
        pass
