def double(x):
    return 2 * x


def total(values):
    return sum(values)
