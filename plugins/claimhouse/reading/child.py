"""The process that opens files of strangers: it has limits, and nothing that is worth stealing.

:mod:`pool` starts it, without the environment of its parent, and asks: requests come on standard
input, answers go to standard output. An answer is a JSON object after its length, and for each frame
that belongs to it an Arrow stream. Nothing that arrives here is pickled or evaluated, in either
direction. The process ends when its parent does.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import resource
import select
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from claimhouse import settings
from claimhouse.reading import limits
from claimhouse.reading.faults import as_unreadable, frames, is_of_the_machine
from claimhouse.reading.guess import guess_here
from claimhouse.reading.open import open_here, sheets_here
from claimhouse.reading.parts import Block, Dialect, Place, Reading
from claimhouse.reading.pool import LENGTH
from claimhouse.reading.sheets import Sheet

F_SETPIPE_SZ, PIPE_BYTES = 1031, 1024 * 1024
PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 4, 38


def main() -> None:
    """Answer requests until the parent closes its end."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1):
        os.dup2(nothing, standard)
    # It ends with its parent, not before: what stops a whole group of processes is no fault of a file.
    for stop in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        fcntl.fcntl(answers, F_SETPIPE_SZ, PIPE_BYTES)
    # What is left of standard error is read when this process dies; nobody waits for it.
    fcntl.fcntl(2, fcntl.F_SETFL, os.O_NONBLOCK)
    threading.Thread(target=_end_with_parent, args=(answers,), daemon=True).start()
    _limit()
    _Server(requests, answers).serve()


def _end_with_parent(answers: int) -> None:
    """End the process as soon as nobody can read its answers."""
    poll = select.poll()
    poll.register(answers, 0)
    poll.poll()
    os._exit(0)


def _limit() -> None:
    """Bound memory and take away what a reader needs not: core dumps, files to write, new rights."""
    with contextlib.suppress(OSError):  # the kernel, out of memory, is to end this one first
        Path("/proc/self/oom_score_adj").write_text("1000")
    libc = ctypes.CDLL(None)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    os.set_blocking(2, False)  # nobody reads it before this process has ended
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    data_bytes = int(status["VmData"].split()[0]) * 1024
    most = data_bytes + settings.reader_memory_bytes()
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def _allow_seconds(seconds: float) -> None:
    """Let the kernel end this process after so many more seconds of processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    until = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))


class _Server:
    """Reads one file at a time."""

    def __init__(self, requests: int, answers: int) -> None:
        self._requests = os.fdopen(requests, "rb")
        self._answers = answers
        self._reading: Reading | None = None
        self._blocks: Iterator[Block] = iter(())
        self._answer({"kind": "ready"})
        limits.listen(lambda part: self._answer({"kind": "at", "part": part}))

    def serve(self) -> None:
        """Answer requests until there are no more."""
        while line := self._requests.readline():
            request = json.loads(line)
            try:
                self._do(request)
            except BaseException as error:
                self._close()
                self._answer(_fault(error))

    def _do(self, request: dict[str, Any]) -> None:
        match request["do"]:
            case "open":
                self._open(request)
            case "next":
                self._next()
            case "guess":
                _allow_seconds(request["seconds"])
                dialect = guess_here(Path(request["path"]))
                self._answer({"kind": "dialect", "dialect": asdict(dialect)})
            case "sheets":
                _allow_seconds(request["seconds"])
                self._answer_sheets(sheets_here(Path(request["path"])))
            case "close":
                self._close()
                self._answer({"kind": "closed"})

    def _open(self, request: dict[str, Any]) -> None:
        self._close()
        _allow_seconds(request["seconds"])
        dialect = Dialect.of(request["dialect"])
        places = [Place(**place) for place in request["places"]]
        reading = open_here(Path(request["path"]), dialect, request["block_bytes"], places)
        self._reading, self._blocks = reading, iter(reading.blocks)
        self._answer(
            {
                "kind": "header",
                "header": reading.header,
                "notes": self._notes(),
                "tables": [asdict(table) for table in reading.tables],
            }
        )

    def _next(self) -> None:
        for block in self._blocks:
            if block.rows.height or block.broken:
                broken = [[getattr(row, name) for name in row.__slots__] for row in block.broken]
                answer = {"table": block.table, "lost_digits": block.lost_digits, "broken": broken}
                self._answer({"kind": "block", **answer}, [block.rows])
                return
        notes = self._notes()
        trailers = [asdict(trailer) for trailer in self._reading.trailers] if self._reading else []
        self._close()
        self._answer({"kind": "end", "notes": notes, "trailers": trailers})

    def _notes(self) -> list[dict[str, Any]]:
        return [] if self._reading is None else [asdict(note) for note in self._reading.notes]

    def _close(self) -> None:
        if self._reading is not None:
            self._reading.close()
        self._reading, self._blocks = None, iter(())

    def _answer_sheets(self, sheets: list[Sheet]) -> None:
        described = [
            {name: value for name, value in vars(sheet).items() if name != "rows"}
            for sheet in sheets
        ]
        self._answer({"kind": "sheets", "sheets": described}, [sheet.rows for sheet in sheets])

    def _answer(self, content: dict[str, Any], frames: Sequence[pl.DataFrame] = ()) -> None:
        streams = [_arrow(frame) for frame in frames]
        head = json.dumps({**content, "sizes": [stream.size for stream in streams]}).encode()
        _write(self._answers, LENGTH.pack(len(head)) + head)
        for stream in streams:
            _write(self._answers, stream)


def _fault(error: BaseException) -> dict[str, Any]:
    """The answer in place of the one asked for."""
    if is_of_the_machine(error):
        assert isinstance(error, OSError)
        return {"kind": "os_error", "errno": error.errno}
    if isinstance(error, MemoryError):
        return {"kind": "out_of_memory"}
    fault = as_unreadable(error)
    unreadable = {
        name: getattr(fault, name) for name in ("rule", "message", "row_number", "column_name")
    }
    return {"kind": "unreadable", "fault": unreadable, "frames": frames(error)}


def _arrow(rows: pl.DataFrame) -> pa.Buffer:
    table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    stream = pa.BufferOutputStream()
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    return stream.getvalue()


def _write(descriptor: int, data: bytes | pa.Buffer) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    main()
