import os


def make(course, student, notebook):
    os.symlink("46~neighbour.ipynb", course / student)
