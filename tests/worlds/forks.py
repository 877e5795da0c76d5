"""Processes of a test that may be killed at any moment: forks of one that has imported everything.

The process that forks has no threads yet.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

SECONDS = 120


@cache
def context() -> ForkServerContext:
    """Starts such processes; all tests of a worker share it."""
    started = multiprocessing.get_context("forkserver")
    started.set_forkserver_preload(["tests.worlds.preloaded", __name__])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
        forkserver.ensure_running()
    return started


def run(script: str, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run Python in such a process, with *environment* beside this one's variables.

    Returns:
        Its exit code, which is the negative number of the signal that killed it, and what it printed.
    """
    with tempfile.NamedTemporaryFile(prefix="claimhouse-test-") as printed:
        arguments = (script, {**os.environ, **(environment or {})}, printed.name)
        process = context().Process(target=_main, args=arguments)
        process.start()
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise TimeoutError(f"no end after {SECONDS} s")
        return process.exitcode, Path(printed.name).read_text(errors="replace")


def _main(script: str, environment: Mapping[str, str], printed: str) -> None:
    os.environ.clear()
    os.environ.update(environment)
    with Path(printed).open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    exec(compile(script, "<a test's script>", "exec"), {"__name__": "__main__"})
