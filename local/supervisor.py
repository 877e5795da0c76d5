"""Keeps the parts of the local system running: ``python -m local.supervisor``.

A part is a process that `make up` started: Postgres, a service, a component of Airflow. One that
has ended without being stopped is started again, at once and then after longer and longer waits.
After ``MOST_DEATHS`` in ``WINDOW_SECONDS`` it is given up until the next `make up`.

Parts do not depend on their supervisor: they run on when it is killed, and the next one finds them by
their pid files. docs/decisions/0015 says why this is not a package.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from local import environment, places, postgres, processes
from local.progress import Stopwatch, end_of_log

NAME = "supervisor"
LOOK_SECONDS = 0.5
MOST_DEATHS, WINDOW_SECONDS = 5, 300.0
LONGEST_WAIT_SECONDS = 30.0
STOP_SECONDS = 15.0  # it may be about to start a part


# The supervisor ---------------------------------------------------------------------------------


@dataclass
class Part:
    """What the supervisor knows of a part.

    Attributes:
        started: the time of its ``.part`` file; another one means that a person started it again.
        deaths: when it was found ended, by the monotonic clock; those within the window.
        due: when it is started again; None while it runs, and once it was given up.
        is_given_up: whether it died too often.
    """

    started: int
    deaths: list[float] = field(default_factory=list)
    due: float | None = None
    is_given_up: bool = False


def look(known: dict[str, Part], now: float) -> None:
    """Look at every part that is to run, and start again what has ended and is due.

    Args:
        known: the parts by name, kept from one look to the next.
        now: the time by the monotonic clock.
    """
    files = {file.stem: file for file in places.RUN.glob("*.part")}
    for name in known.keys() - files.keys():
        del known[name]
    # Postgres first: the others need it.
    for name, file in sorted(files.items(), key=lambda item: (item[0] != postgres.NAME, item)):
        with contextlib.suppress(FileNotFoundError):  # it was stopped this moment
            started = file.stat().st_mtime_ns
            if name not in known or known[name].started != started:
                known[name] = Part(started)
            _look_at(name, known[name], now)


def _look_at(name: str, part: Part, now: float) -> None:
    if part.is_given_up or _is_running(name):
        return
    if part.due is None:
        if _has_ended(name):
            _count_death(name, part, now)
    elif now >= part.due and (name == postgres.NAME or _has_its_postgres()):
        part.due = None
        try:
            started_again = _revive(name)
        except Exception as error:  # the disk may be full, a server may not start: a death more
            _report(name, f"{name} could not be started: {error}")
        else:
            if started_again:
                _report(name, f"{name} was started again")


def _count_death(name: str, part: Part, now: float) -> None:
    part.deaths = [death for death in part.deaths if now - death < WINDOW_SECONDS] + [now]
    count = len(part.deaths)
    often = f"{count} of at most {MOST_DEATHS} times in {WINDOW_SECONDS:.0f} s"
    if count >= MOST_DEATHS:
        part.is_given_up = True
        _given_up_file(name).touch()
        text = f"{name} has died ({often}) and is given up; the end of {_log(name)}:\n"
        _report(name, text + end_of_log(_log(name)))
        return
    wait = min(2.0 ** (count - 1) - 1, LONGEST_WAIT_SECONDS)
    part.due = now + wait
    when = f"in {wait:.0f} s" if wait else "now"
    _report(name, f"{name} has died ({often}), see {_log(name)}; it is started again {when}")


def _has_its_postgres() -> bool:
    """Whether Postgres runs, if it is to run: without it a part would only die again."""
    return not processes.part_file(postgres.NAME).exists() or postgres.is_running()


def _is_running(name: str) -> bool:
    if name == postgres.NAME:
        return postgres.is_running()
    return processes.find(name, places.RUN) is not None


def _has_ended(name: str) -> bool:
    """Whether the part has ended; not while a command is about to start or stop it."""
    try:
        with FileLock(places.RUN / f"{name}.lock", timeout=0):
            return processes.part_file(name).exists() and not _is_running(name)
    except Timeout:
        return False


def _revive(name: str) -> bool:
    return postgres.revive() if name == postgres.NAME else processes.revive(name)


def _log(name: str) -> Path:
    return places.POSTGRES / "log" if name == postgres.NAME else places.LOGS / f"{name}.log"


def _given_up_file(name: str) -> Path:
    return places.RUN / f"{name}.given-up"


def _news_file() -> Path:
    return places.RUN / "news.jsonl"


def _report(name: str, text: str) -> None:
    """Log *text*, and tell it to the commands that wait."""
    print(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}", flush=True)
    with contextlib.suppress(OSError), _news_file().open("a") as file:
        file.write(json.dumps({"part": name, "text": text}) + "\n")


def _reap() -> None:
    """Take note of the end of children, which would stay as zombies."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def main() -> None:
    """Supervise until SIGTERM, or until the folder of the system is gone."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    try:
        lock = FileLock(places.RUN / "supervising.lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise SystemExit("another supervisor is at work") from None
    known: dict[str, Part] = {}
    while places.RUN.is_dir() and not ended.wait(LOOK_SECONDS):
        _reap()
        try:
            look(known, time.monotonic())
        except OSError as error:
            print(f"cannot look: {error}", flush=True)


# Those who start it, and those who wait -----------------------------------------------------------


def start(*, replace: bool = False) -> bool:
    """Start the supervisor unless it runs.

    Args:
        replace: whether to replace a running one, which may be of an earlier version.

    Returns:
        Whether it was started.
    """
    places.RUN.mkdir(parents=True, exist_ok=True)
    with FileLock(places.RUN / f"{NAME}-start.lock"):
        if not replace and processes.find(NAME, places.RUN) is not None:
            return False
        _end()
        processes.start(
            NAME,
            [sys.executable, "-m", "local.supervisor"],
            "local.supervisor",
            environment=environment.of_python(),
            run=places.RUN,
            logs=places.LOGS,
        )
        return True


def stop() -> None:
    """Stop the supervisor; the parts run on."""
    places.RUN.mkdir(parents=True, exist_ok=True)
    with FileLock(places.RUN / f"{NAME}-start.lock"):
        _end()
        for file in places.RUN.glob("*.given-up"):
            file.unlink(missing_ok=True)


def _end() -> None:
    """End the supervisor alone: what it has started are its children, which are to run on."""
    process = processes.find(NAME, places.RUN)
    if process is not None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
            if processes.running_after([process], STOP_SECONDS):
                process.kill()
                processes.running_after([process], STOP_SECONDS)
    (places.RUN / f"{NAME}.pid").unlink(missing_ok=True)


def forget_dead_parts() -> None:
    """Forget the parts that ended while nobody supervised, such as in a crash of the machine."""
    for file in places.RUN.glob("*.part"):
        if not _is_running(file.stem):
            file.unlink(missing_ok=True)


class News:
    """What the supervisor did since this was created, for a command that waits."""

    def __init__(self, watch: Stopwatch) -> None:
        self._watch = watch
        self._read = _news_file().stat().st_size if _news_file().exists() else 0

    def tell(self) -> bool:
        """Print what has died and was started again, and start the supervisor if it was killed.

        Returns:
            Whether there was anything to print.

        Raises:
            SystemExit: a part was given up, or the system was stopped.
        """
        if not places.PORTS.exists():
            raise SystemExit("the system was stopped (make down)")
        texts = [f"the {NAME} had died and was started again"] if start() else []
        texts += self._unread()
        given_up = [file.stem for file in places.RUN.glob("*.given-up")]
        for text in texts:
            self._watch.say(text)
        if given_up:
            logs = ", ".join(str(_log(name)) for name in sorted(given_up))
            names = ", ".join(sorted(given_up))
            raise SystemExit(f"given up: {names}. See {logs}; `make up` tries again.")
        return bool(texts)

    def _unread(self) -> list[str]:
        if not _news_file().exists():
            return []
        with _news_file().open() as file:
            file.seek(self._read)
            lines = file.readlines()
            self._read = file.tell()
        return [json.loads(line)["text"] for line in lines if line.endswith("\n")]


if __name__ == "__main__":
    main()
