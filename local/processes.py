"""Background processes that outlive the command that started them, found again by a pid file.

A pid alone proves nothing after a crash or a reboot, when it may belong to a stranger. So a pid
file also keeps which boot of the machine it is of, when its process began, and a word its command
line must hold, and a process is ours only when all still fit.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

START_TOLERANCE_SECONDS = 5.0  # the clock may be set while a process runs
STOP_SECONDS = 20.0


def start(
    name: str,
    command: Sequence[str],
    word: str,
    *,
    environment: dict[str, str],
    run: Path,
    logs: Path,
) -> None:
    """Start *command* in a session of its own, its output appended to ``<logs>/<name>.log``.

    Args:
        name: what the pid file and the log file are called.
        command: the program and its arguments.
        word: what the command line holds as long as the process is ours, even when the
            program gives itself another title.
        environment: the whole environment of the process.
        run: the folder of pid files.
        logs: the folder of logs.
    """
    run.mkdir(parents=True, exist_ok=True)
    logs.mkdir(parents=True, exist_ok=True)
    with (logs / f"{name}.log").open("ab") as log:
        child = subprocess.Popen(
            command,
            env=environment,
            cwd=logs,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    record = {
        "pid": child.pid,
        "began": psutil.Process(child.pid).create_time(),
        "boot": _boot(),
        "word": word,
    }
    (run / f"{name}.pid").write_text(json.dumps(record))


def find(name: str, run: Path) -> psutil.Process | None:
    """The running process that the pid file *name* stands for; ``None`` when it has ended."""
    record = _record(name, run)
    if record is None:
        return None
    try:
        process = psutil.Process(record["pid"])
        lives = process.status() != psutil.STATUS_ZOMBIE
        same_start = abs(process.create_time() - record["began"]) < START_TOLERANCE_SECONDS
        return process if lives and same_start and _fits(process, record) else None
    except psutil.Error:
        return None


def stop(name: str, run: Path) -> bool:
    """End the process *name* with all it started, and forget its pid file.

    It is asked first and killed after ``STOP_SECONDS``. What a crashed process left running
    in its session is ended too.

    Returns:
        Whether anything was running.
    """
    record = _record(name, run)
    if record is None:
        return False
    leader = find(name, run)
    family = _family(record)
    if leader is not None:
        with contextlib.suppress(psutil.Error):
            family = [leader, *leader.children(recursive=True), *family]
            leader.send_signal(signal.SIGTERM)
        with contextlib.suppress(psutil.TimeoutExpired):
            leader.wait(STOP_SECONDS)
    for process in family:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(family, timeout=3)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=3)
    (run / f"{name}.pid").unlink(missing_ok=True)
    return bool(family)


def _record(name: str, run: Path) -> dict[str, Any] | None:
    """What the pid file *name* says, unless it is missing, damaged or of an earlier boot."""
    try:
        record = json.loads((run / f"{name}.pid").read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or record.keys() != {"pid", "began", "boot", "word"}:
        return None
    return record if record["boot"] == _boot() else None


def _boot() -> str:
    """A name for the time since the machine was last started."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return str(round(psutil.boot_time(), -1))


def _fits(process: psutil.Process, record: dict[str, Any]) -> bool:
    """Whether *process* began no earlier than *record* says and its command line holds the word."""
    return process.create_time() > record["began"] - START_TOLERANCE_SECONDS and record[
        "word"
    ] in " ".join(process.cmdline())


def _family(record: dict[str, Any]) -> list[psutil.Process]:
    """What still runs in the session that *record*'s process led.

    The kernel gives no new process a pid that a session still bears, so while one member
    lives the number cannot be a stranger's.
    """
    found = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == record["pid"] and _fits(process, record):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found
