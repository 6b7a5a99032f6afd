import os
import socket


def make(course, student, notebook):
    for kind in ("pipe", "socket"):
        (course / f"{student}-{kind}").mkdir()
    os.mkfifo(course / f"{student}-pipe/work.ipynb")
    here = os.getcwd()
    os.chdir(course / f"{student}-socket")  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("work.ipynb")
    os.chdir(here)
    return f"{student}-pipe", f"{student}-socket"
