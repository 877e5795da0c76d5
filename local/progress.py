"""Progress messages of the commands in this package, and the reason of a failure."""

from __future__ import annotations

import time
from pathlib import Path

from local import places

LOG_LINES = 15


class Stopwatch:
    """Prints messages with the time since it was created."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def say(self, text: str) -> None:
        """Print *text* after the elapsed seconds."""
        print(f"[{time.monotonic() - self._start:4.0f} s] {text}", flush=True)


def failure(what: str, log: str) -> str:
    """The message that *what* ended, with the last lines of ``<log>.log``."""
    file = places.LOGS / f"{log}.log"
    return f"{what} ended; the end of {file}:\n{end_of_log(file)}"


def end_of_log(file: Path) -> str:
    """The last lines of *file*, indented."""
    lines = file.read_text(errors="replace").splitlines()[-LOG_LINES:] if file.exists() else []
    return "\n".join(f"    {line}" for line in lines)
