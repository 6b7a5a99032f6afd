import pickle


class Command:
    def __reduce__(self):
        import os

        return os.system, ("touch /tmp/pwned ./pwned /dev/shm/pwned; echo TRIED > said",)


def make(course, student, notebook):
    folder = course / student
    folder.mkdir()
    for name in ("model.pt", "model.pkl", "state.npy"):
        (folder / name).write_bytes(pickle.dumps(Command()))
    opened = "import pickle; pickle.load(open('model.pkl', 'rb')); print(open('said').read())"
    work = notebook("def double(x): return 2 * x", "total = sum", opened)
    (folder / "work.ipynb").write_text(work)
