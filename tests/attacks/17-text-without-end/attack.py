class Endless(Exception):
    def __repr__(self):
        while True:
            pass

    __str__ = __float__ = __len__ = __iter__ = __repr__


Endless()


# %%
def double(x):
    return Endless()


def total(values):
    raise Endless
