"""Background processes that outlive the command that started them, identified by a pid file.

After a crash or a reboot a pid may belong to another program. So a pid file also records the boot of
the machine, the start time of the process, and a word of its command line. A process is ours only
if all of them match.

A part of the local system has a second file, ``<name>.part``: the command with which
``local.supervisor`` starts it again. A part without one was stopped on purpose.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock

from local import places

START_TOLERANCE_SECONDS = 5.0  # the clock may be set while a process runs
STOP_SECONDS = 20.0
LOOK_SECONDS = 0.02


def start(
    name: str,
    command: Sequence[str],
    word: str,
    *,
    environment: dict[str, str],
    run: Path,
    logs: Path,
) -> None:
    """Start *command* in a session of its own; its output is appended to ``<logs>/<name>.log``.

    Args:
        name: the name of the pid file and of the log file.
        command: the program and its arguments.
        word: a part of the command line, also of the title that the program gives itself.
        environment: the complete environment of the process.
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
    process = psutil.Process(child.pid)
    # The kernel may set the command line a moment after Popen has returned.
    with contextlib.suppress(psutil.Error):
        while not process.cmdline():
            time.sleep(0.001)
    record = {
        "pid": child.pid,
        "began": process.create_time(),
        "boot": _boot(),
        "word": word,
    }
    (run / f"{name}.pid").write_text(json.dumps(record))


def restart(name: str, command: Sequence[str], word: str, environment: Mapping[str, str]) -> None:
    """Start a part of the local system, after stopping what a crashed one left running."""
    with _lock(name, places.RUN):
        _stop(name, places.RUN)
        part = {"command": list(command), "word": word, "environment": dict(environment)}
        write_part(name, json.dumps(part))
        (places.RUN / f"{name}.given-up").unlink(missing_ok=True)
        _start_part(name, part)


def stand_back(name: str, niceness: int) -> None:
    """Let the part *name* stand back for others that want a processor, or no longer.

    Linux may group processes by session. Then niceness counts among the processes of one session only, and that of
    the group counts among sessions (``man 7 sched``). A part has a session of its own.

    Args:
        name: of a part that has been started.
        niceness: of its group, 0 to 19; without effect where Linux forms no groups.
    """
    process = find(name, places.RUN)
    while process is not None:
        try:
            Path(f"/proc/{process.pid}/autogroup").write_text(str(niceness))
            return
        except BlockingIOError:  # the kernel takes ten a second
            time.sleep(LOOK_SECONDS)
        except OSError:
            return


def revive(name: str) -> bool:
    """Start the part *name* again if it has ended, and was not stopped on purpose.

    Returns:
        Whether it was started.
    """
    with _lock(name, places.RUN):
        file = part_file(name)
        if not file.exists() or find(name, places.RUN) is not None:
            return False
        _stop(name, places.RUN)
        _start_part(name, json.loads(file.read_text()))
        return True


def part_file(name: str) -> Path:
    """The file that says how the part *name* is started; its presence says that it is to run."""
    return places.RUN / f"{name}.part"


def write_part(name: str, text: str) -> None:
    """Write the file of the part *name*; it may hold secrets, so only its owner can read it."""
    places.RUN.mkdir(parents=True, exist_ok=True)
    draft = places.RUN / f"{name}.part-draft"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(text)
    draft.replace(part_file(name))


def _start_part(name: str, part: Mapping[str, Any]) -> None:
    start(
        name,
        part["command"],
        part["word"],
        environment=part["environment"],
        run=places.RUN,
        logs=places.LOGS,
    )


@contextlib.contextmanager
def _lock(name: str, run: Path) -> Iterator[None]:
    """Only one process at a time starts or stops *name*."""
    run.mkdir(parents=True, exist_ok=True)
    with FileLock(run / f"{name}.lock"):
        yield


def find(name: str, run: Path) -> psutil.Process | None:
    """The running process of the pid file *name*; ``None`` if it has ended."""
    record = _record(name, run)
    if record is None:
        return None
    try:
        process = psutil.Process(record["pid"])
        is_alive = process.status() != psutil.STATUS_ZOMBIE
        is_same_start = abs(process.create_time() - record["began"]) < START_TOLERANCE_SECONDS
        return process if is_alive and is_same_start and _fits(process, record) else None
    except psutil.Error:
        return None


def stop(name: str, run: Path, seconds: float | None = None) -> bool:
    """Stop the process *name* and all processes it started, and remove its files.

    The process gets SIGTERM, and is killed after *seconds*, or ``STOP_SECONDS``. Processes that a crashed one
    left in its session are stopped too.

    Returns:
        Whether anything was running.
    """
    with _lock(name, run):
        (run / f"{name}.part").unlink(missing_ok=True)
        return _stop(name, run, seconds)


def _stop(name: str, run: Path, seconds: float | None = None) -> bool:
    record = _record(name, run)
    if record is None:
        return False
    leader = find(name, run)
    family = _family(record)
    if leader is not None:
        with contextlib.suppress(psutil.Error):
            family = [leader, *leader.children(recursive=True), *family]
            leader.send_signal(signal.SIGTERM)
        running_after([leader], STOP_SECONDS if seconds is None else seconds)
    for process in family:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    stubborn = running_after(family, 3)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    running_after(stubborn, 3)
    (run / f"{name}.pid").unlink(missing_ok=True)
    return bool(family)


def running_after(processes: Sequence[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until *processes* have ended, for *seconds* at most; those that still run then.

    A zombie has ended: the first process of a container may take seconds to reap it, or never does.
    """
    end = time.monotonic() + seconds
    while (running := [each for each in processes if _runs(each)]) and time.monotonic() < end:
        time.sleep(LOOK_SECONDS)
    return running


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _record(name: str, run: Path) -> dict[str, Any] | None:
    """The content of the pid file *name*; None if it is missing, damaged or of an earlier boot."""
    try:
        record = json.loads((run / f"{name}.pid").read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or record.keys() != {"pid", "began", "boot", "word"}:
        return None
    return record if record["boot"] == _boot() else None


def _boot() -> str:
    """An identifier of the machine's current boot."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return str(round(psutil.boot_time(), -1))


def _fits(process: psutil.Process, record: dict[str, Any]) -> bool:
    """Whether *process* is not older than *record* and its command line contains the word."""
    return process.create_time() > record["began"] - START_TOLERANCE_SECONDS and record[
        "word"
    ] in " ".join(process.cmdline())


def _family(record: dict[str, Any]) -> list[psutil.Process]:
    """The processes that still run in the session of *record*'s process.

    The kernel does not reuse a pid while a session has it as its id, so while one member of the
    session lives the id cannot be another program's.
    """
    members = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == record["pid"] and _fits(process, record):
                members.append(process)
        except (psutil.Error, OSError):
            continue
    return members
