"""Whole systems, as `make demo` starts them, whose parts are killed at random while they work."""

from __future__ import annotations

import contextlib
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from local import processes
from tests.system.faults.trial import Result, compare
from tests.system.running import System
from tests.system.state import State

BETWEEN_SECONDS = (8.0, 25.0)
MOST_KILLS = 8
DEMO_SECONDS = 1800


@contextmanager
def system(executor: str, secrets: Path | None = None) -> Iterator[System]:
    """A system in a folder of its own, stopped at the end."""
    folder = Path(tempfile.mkdtemp(prefix="claimhouse-faults-"))
    folder.chmod(0o755)
    if secrets is not None:
        shutil.copy(secrets, folder)  # pseudonyms are the same when their key is
    made = System(folder, {"CLAIMHOUSE_EXECUTOR": executor})
    try:
        yield made
    finally:
        made.run("local.system", "down")
        shutil.rmtree(folder, ignore_errors=True)


def trials(seed: int, count: int) -> Iterator[Result]:
    """Trials of systems, with and without Celery in turn."""
    with system("local") as undisturbed:
        undisturbed.run("local.demo")
        expected = undisturbed.state()
        undisturbed.run("local.system", "down")
        for number in range(count):
            executor = "celery" if number % 2 == 0 else "local"
            with system(executor, undisturbed.folder / "local.env") as disturbed:
                yield _trial(number, executor, disturbed, expected, seed)


def _trial(number: int, executor: str, disturbed: System, expected: State, seed: int) -> Result:
    rng = random.Random(f"{seed}/system {number}")
    began = time.monotonic()
    demo = disturbed.begin("local.demo")
    killed = []
    # Its output is read at the end; a pipe holds 64 kB.
    while demo.poll() is None and time.monotonic() - began < DEMO_SECONDS:
        with contextlib.suppress(subprocess.TimeoutExpired):
            demo.wait(rng.uniform(*BETWEEN_SECONDS))
            continue
        if len(killed) < MOST_KILLS and (name := _kill_a_part(disturbed.folder, rng)):
            killed.append(name)
    demo.kill()
    output, errors = demo.communicate()
    result = Result(number, f"parts of a {executor} system killed", ", ".join(killed))
    if demo.returncode != 0:
        result.differences = ["the demo failed:", output[-3000:], errors[-2000:]]
    else:
        result.differences = compare(expected, disturbed.state(), "send")
    result.seconds = time.monotonic() - began
    return result


def _kill_a_part(folder: Path, rng: random.Random) -> str | None:
    """Kill a part of the system, or its supervisor; its name, None if nothing runs yet."""
    parts = sorted(file.stem for file in (folder / "run").glob("*.part"))
    if "scheduler" not in parts:
        return None
    name = rng.choice([*parts, "supervisor", "scheduler"])
    process = _postgres(folder) if name == "postgres" else processes.find(name, folder / "run")
    if process is None:
        return None
    with contextlib.suppress(psutil.Error):
        process.kill()
        return name
    return None


def _postgres(folder: Path) -> psutil.Process | None:
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        return psutil.Process(int((folder / "postgres" / "postmaster.pid").read_text().split()[0]))
    return None
