from __future__ import annotations

import subprocess
import sys

import pytest

import grader.checks


@pytest.mark.parametrize("name", grader.checks.__all__)
def test_every_exported_name_is_there(name: str) -> None:
    assert getattr(grader.checks, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = grader.checks.no_such_name


def test_importing_the_package_is_cheap_and_never_brings_torch() -> None:
    code = (
        "import sys, grader.checks\n"
        "assert not {'numpy', 'scipy', 'hypothesis'} & set(sys.modules)\n"
        "for name in grader.checks.__all__: getattr(grader.checks, name)\n"
        "import grader.checks.audit, grader.checks.loading, grader.checks.sequential\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
