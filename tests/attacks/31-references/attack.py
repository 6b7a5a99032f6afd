# %% right
# %%
import os
import sys

for name in (
    "reference",
    "reference.vae",
    "assignments",
    "grader.checks",
    "grader.store",
    "reports",
):
    try:
        module = __import__(name, fromlist=["x"])
    except ImportError:
        print("TRIED", name)
    else:
        if getattr(module, "__file__", None):
            print("ESCAPED", name, module.__file__)
wanted = {"hidden_checks.py", "assignment.toml", "right.py", "grader.sqlite", "course-secret"}
packages = {"reference", "assignments", "reports"}
for place in ("/home", "/run", "/submission", "/data", "/root", "/srv", "/opt", "/mnt"):
    for folder, folders, files in os.walk(place):
        if "site-packages" in folders:
            folders.remove("site-packages")
        if found := wanted & set(files):
            print("ESCAPED", folder, found)
for place in filter(os.path.isdir, sys.path):
    for package in packages & set(os.listdir(place)):
        if os.listdir(f"{place}/{package}"):
            print("ESCAPED", place, package)
