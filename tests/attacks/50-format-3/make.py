import json


def make(course, student, notebook):
    cells = json.loads(notebook(RIGHT))["cells"]
    old = [
        {
            "cell_type": "code",
            "language": "python",
            "input": cell["source"],
            "outputs": [],
            "collapsed": False,
            "metadata": {},
            "prompt_number": 1,
        }
        for cell in cells
    ]
    sheets = {
        "worksheets": [{"cells": old, "metadata": {}}],
        "metadata": {"name": ""},
        "nbformat": 3,
        "nbformat_minor": 0,
    }
    (course / f"{student}.ipynb").write_text(json.dumps(sheets))


RIGHT = """
def double(x):
    return 2 * x


def total(values):
    return sum(values)
"""
