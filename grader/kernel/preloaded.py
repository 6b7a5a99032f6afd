"""Imported once by the server that drivers are forked from: what each would do again otherwise."""

from __future__ import annotations

import gc

from jupyter_client.provisioning.factory import KernelProvisionerFactory
from nbformat.validator import get_validator

import grader.kernel.driver  # noqa: F401  with all that it needs

# Compiles the schema of notebooks, and asks every installed package for its provisioners.
get_validator(4, 5)
KernelProvisionerFactory.instance()
# A collection in a fork would copy the pages of everything that stands here.
gc.collect()
gc.freeze()
