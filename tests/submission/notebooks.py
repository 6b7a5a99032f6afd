"""Notebooks as JSON has them, cell by cell."""

from __future__ import annotations

from typing import Any


def cell(kind: str = "code", **fields: Any) -> dict[str, Any]:
    own: dict[str, Any] = {"cell_type": kind, "metadata": {}, "source": "x = 1"}
    if kind == "code":
        own |= {"outputs": [], "execution_count": None}
    return own | fields


def document(*cells: Any, **fields: Any) -> dict[str, Any]:
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": list(cells)} | fields
