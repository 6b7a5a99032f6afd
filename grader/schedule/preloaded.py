"""Imported once by the server that workers are forked from: what each would do again otherwise.

No operation of torch is run here, which would start threads that a fork does not have.
"""

from __future__ import annotations

import gc
import importlib

from nbformat.validator import get_validator

from grader import environment

# Nothing of what is imported is garbage; looking for it takes time.
gc.disable()
for _name in ("torch", "scipy.special", "grader.checks", "grader.schedule.worker"):
    importlib.import_module(_name)
# Kept for the process: what is installed, and the schema of notebooks, compiled.
environment.lock()
get_validator(4, 5)
gc.enable()
# A collection in a fork would copy the pages of everything that stands here.
gc.collect()
gc.freeze()
