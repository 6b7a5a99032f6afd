import os
import sys
import traceback


def double(x):
    raise OSError(2, "not there", __file__ if "__file__" in globals() else os.getcwd())


def total(values):
    raise RuntimeError("".join(traceback.format_stack()) + repr(sys.path))


total([1])
