from __future__ import annotations

import sys
import threading

import pytest

from grader.kernel.inside import zygote

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks in namespaces are Linux's")


def test_a_second_thread_forbids_a_fork() -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        with pytest.raises(SystemExit, match="threads and cannot be forked"):
            zygote._require_one_thread()
    finally:
        end.set()
        thread.join()


def test_a_module_that_is_not_installed_is_passed_over() -> None:
    zygote._import(["no_such_module_anywhere", "json"])
    assert "json" in sys.modules
