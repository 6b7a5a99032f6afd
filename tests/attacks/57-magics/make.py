def make(course, student, notebook):
    cells = ["!echo TRIED; id; ls /", "%%bash\nenv; cat /etc/shadow; touch /usr/pwned"]
    cells += ["!pip install --no-index left-pad", "%load_ext storemagic", "%reset -f"]
    cells += ["%%javascript\nalert(1)", "%%html\n<script>alert(1)</script>", "%run /etc/passwd"]
    work = notebook(*cells, "def double(x): return 2 * x", "total = sum")
    (course / f"{student}.ipynb").write_text(work)
