"""Files are opened in processes of their own, which have limits: see :mod:`child`.

A process reads one file after the other, and is kept for the next. Where it dies, or is ended because
it takes too long, its file is :class:`Unreadable`, and the next file gets a new process.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import os
import resource
import select
import signal
import stat
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Never

import polars as pl
import pyarrow as pa

from claimhouse import settings
from claimhouse.counted import counted
from claimhouse.reading.fixed import check_widths
from claimhouse.reading.parts import (
    Block,
    BrokenRow,
    Dialect,
    Note,
    Place,
    Reading,
    Table,
    Trailer,
    Unreadable,
)
from claimhouse.reading.sheets import SHEET_ROWS, Sheet

log = logging.getLogger(__name__)

START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from claimhouse.reading import child; child.main()"
)
# A process that waits for others takes longer by the clock than the processor time it is allowed.
PATIENCE = 5
# A process that has grown by more is not kept.
KEPT_BYTES = 256 * 1024 * 1024
FILES_EACH = 500
START_SECONDS = 120
# The length of the JSON with which an answer begins.
LENGTH = struct.Struct("<Q")
PAGE = resource.getpagesize()
MOST_ANSWER_BYTES = 8 * 1024**3
OUT_OF_MEMORY = (b"memory allocation of", b"bad_alloc", b"out of memory", b"Cannot allocate memory")
SMALLER = "Ask the sender for several smaller files, or for a workbook as csv."


def open_file(
    path: Path, dialect: Dialect, block_bytes: int, places: Sequence[Place] = ()
) -> Reading:
    """Open a landed file for reading, in a process with limits.

    Args:
        path: a local file.
        dialect: how its contract says it is written.
        block_bytes: about how many bytes are read at a time.
        places: the tables of a workbook to read, in their order; without any, the one that begins
            with the first row of the first visible sheet.

    Raises:
        Unreadable: the file as a whole cannot be trusted, or read within the limits. The blocks
            may raise it too, as long as not all have been read.
        OSError: it cannot be opened.
        ValueError: a fixed width dialect has no widths, or a position before the first.
    """
    if dialect.format == "fixed":
        check_widths(dialect)
    request = {
        "do": "open",
        "dialect": asdict(dialect),
        "block_bytes": block_bytes,
        "places": [asdict(place) for place in places],
    }
    blocks = _Blocks(_complete(path, request))
    return Reading(blocks.header, blocks.notes, blocks, blocks.tables, blocks.trailers)


def open_sheets(path: Path, dialect: Dialect) -> list[Sheet]:
    """The sheets of a workbook with their first rows; none where *dialect* is of another format.

    Raises:
        Unreadable: the file as a whole cannot be trusted, or read within the limits.
        OSError: it cannot be opened.
    """
    if dialect.format != "xlsx":
        return []
    child, answer = _begin(_complete(path, {"do": "sheets"}))
    child.give_back()
    return [
        Sheet(**sheet, rows=rows)
        for sheet, rows in zip(answer["sheets"], answer["frames"], strict=True)
    ]


def guess_dialect(path: Path) -> Dialect:
    """How a file that nobody has described is written, as far as its first bytes show.

    Raises:
        Unreadable: the file as a whole cannot be read.
        OSError: it cannot be opened.
    """
    child, answer = _begin(_complete(path, {"do": "guess"}))
    child.give_back()
    return Dialect.of(answer["dialect"])


def _complete(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    """The request with the file's path and the processor time that it may take."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise Unreadable("wrong_format", "It is not a file: a folder, a device or a pipe.")
    seconds = settings.reader_seconds(status.st_size)
    return {**request, "path": str(path.absolute()), "seconds": seconds}


def _begin(request: dict[str, Any]) -> tuple[_Child, dict[str, Any]]:
    """A process that has begun with a file, and its first answer."""
    child = _take()
    try:
        return child, child.ask(request)
    except _Died as death:
        if not death.may_be_chance:
            raise death.fault from None
    return _begin_again(request)


def _begin_again(request: dict[str, Any]) -> tuple[_Child, dict[str, Any]]:
    """A new process that has begun with a file of which another one died."""
    child = _Child()
    try:
        return child, child.ask(request)
    except _Died as death:
        raise death.fault from None


class _Died(Exception):
    """The process has ended.

    Attributes:
        fault: what to say of its file.
        may_be_chance: whether the file may be innocent: the process was killed from outside, or
            had read other files before. Of a second one, the file is the cause.
    """

    def __init__(self, fault: Unreadable, may_be_chance: bool) -> None:
        super().__init__(fault.rule)
        self.fault = fault
        self.may_be_chance = may_be_chance


class _Blocks:
    """The blocks of a file, asked for one by one."""

    def __init__(self, request: dict[str, Any]) -> None:
        self._child: _Child | None = None
        self._request = request
        self._given = 0
        self._may_repeat = True
        self._child, answer = _begin(request)
        self.header: list[str] = answer["header"]
        self.notes = [Note(**note) for note in answer["notes"]]
        self.trailers: list[Trailer] = []
        self.tables = tuple(
            Table(**table | {name: tuple(table[name]) for name in ("header", "taken")})
            for table in answer["tables"]
        )

    def __iter__(self) -> Iterator[Block]:
        return self

    def __next__(self) -> Block:
        if self._child is None:
            raise StopIteration
        try:
            answer = self._next(self._child)
        except BaseException:
            self._child = None
            raise
        if answer["kind"] == "block":
            self._given += 1
            (rows,) = answer["frames"]
            broken = [BrokenRow(*row) for row in answer["broken"]]
            lost_digits = tuple((row, name) for row, name in answer["lost_digits"])
            return Block(rows, broken, answer["table"], lost_digits)
        self.notes[:] = [Note(**note) for note in answer["notes"]]
        self.trailers[:] = [_trailer(trailer) for trailer in answer["trailers"]]
        child, self._child = self._child, None
        child.give_back()
        raise StopIteration

    def _next(self, child: _Child) -> dict[str, Any]:
        try:
            return child.ask({"do": "next"})
        except _Died as death:
            if not (death.may_be_chance and self._may_repeat):
                raise death.fault from None
        self._may_repeat = False
        self._child, _ = _begin_again(self._request)
        for _ in range(self._given):
            self._next(self._child)
        return self._next(self._child)

    def close(self) -> None:
        """Leave the rest of the file."""
        child, self._child = self._child, None
        if child is not None:
            with contextlib.suppress(_Died):
                child.ask({"do": "close"})
                child.give_back()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):
            self.close()


class _Child:
    """One process."""

    def __init__(self) -> None:
        self.files = 0
        self.settings = _settings()
        self._part = ""
        self._rows = 0
        self._seconds = 0.0
        self._left = float(START_SECONDS)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", START, str(settings.CODE.parent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd="/",
            env=_environment(self.settings),
            start_new_session=True,
        )
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._requests, self._answers = self._process.stdin, self._process.stdout
        self._poll = select.poll()
        self._poll.register(self._answers, select.POLLIN)
        self._await_start()
        self._memory_at_start = self._memory()

    def _await_start(self) -> None:
        """Wait until the process can take files; if it cannot, that is no fault of a file."""
        try:
            self._answer()
        except _Died as death:
            raise RuntimeError("the process that reads files does not start") from death

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and wait for its answer.

        Args:
            request: what to do; where a new file begins, with the processor time it may take.

        Raises:
            Unreadable: the process found the file unreadable; it waits for the next.
            OSError: the process could not open the file; it waits for the next.
            _Died: the process has ended.
        """
        if "seconds" in request:
            self.files += 1
            self._part, self._rows, self._seconds = "", 0, request["seconds"]
            self._left = self._seconds * PATIENCE
        try:
            self._requests.write(json.dumps(request).encode() + b"\n")
        except OSError:
            self._has_died()
        while (answer := self._answer())["kind"] == "at":
            self._part = answer["part"]
        return self._checked(answer)

    def _answer(self) -> dict[str, Any]:
        (size,) = LENGTH.unpack(self._receive(LENGTH.size))
        answer: dict[str, Any] = json.loads(self._receive(size))
        answer["frames"] = [_frame(self._receive(size)) for size in answer.pop("sizes")]
        if answer["kind"] == "block":
            self._rows = _last_row(answer)
        return answer

    def _checked(self, answer: dict[str, Any]) -> dict[str, Any]:
        if answer["kind"] == "os_error":
            self.give_back()
            raise OSError(answer["errno"], os.strerror(answer["errno"]))
        if answer["kind"] == "out_of_memory":
            self.end()
            raise _Died(self._too_large(), may_be_chance=self.files > 1)
        if answer["kind"] == "unreadable":
            fault = Unreadable(**answer["fault"])
            if fault.rule == "reader_failed":
                log.warning("reading a file failed: %s", " < ".join(reversed(answer["frames"])))
            if fault.rule == "reader_failed":
                self.end()
            else:
                self.give_back()
            raise fault
        return answer

    def give_back(self) -> None:
        """Keep the process for another file, unless it has grown or is old."""
        if self.files < FILES_EACH and self._memory() < self._memory_at_start + KEPT_BYTES:
            _keep(self)
        else:
            self.end()

    def end(self) -> int:
        """End the process.

        Returns:
            Its exit code; negative for a signal.
        """
        self._process.kill()
        code = self._process.wait()
        self.forget()
        return code

    def forget(self) -> None:
        """Close this process's ends of the pipes."""
        for pipe in (self._requests, self._answers, self._process.stderr):
            if pipe is not None:
                pipe.close()

    def _memory(self) -> int:
        """The bytes that count toward the limit of the process; what it freed may count still."""
        try:
            statm = Path(f"/proc/{self._process.pid}/statm").read_text().split()
        except OSError:
            return sys.maxsize
        return int(statm[5]) * PAGE

    def _receive(self, size: int) -> bytearray:
        """The next *size* bytes of the answer."""
        if size > MOST_ANSWER_BYTES:
            self._has_died()
        received = bytearray(size)
        view = memoryview(received)
        while view:
            started = time.monotonic()
            is_ready = self._poll.poll(max(self._left, 0) * 1000)
            self._left -= time.monotonic() - started
            if not is_ready:
                self.end()
                raise _Died(self._too_slow(), may_be_chance=False)
            count = os.readv(self._answers.fileno(), [view])
            if not count:
                self._has_died()
            view = view[count:]
        return received

    def _has_died(self) -> Never:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(2)
        assert self._process.stderr is not None
        os.set_blocking(self._process.stderr.fileno(), False)
        said = self._process.stderr.read(65536) or b""
        code = self.end()
        log.warning("the process that reads a file ended with %s%s", code, self._place())
        if code == -signal.SIGXCPU:
            raise _Died(self._too_slow(), may_be_chance=False)
        is_killed = code == -signal.SIGKILL
        if is_killed or any(words in said for words in OUT_OF_MEMORY):
            fault = self._too_large()
        else:
            name = signal.Signals(-code).name if code < 0 else str(code)
            message = f"The file made the process that reads it end ({name}): it is damaged, or made to do harm"
            fault = self._fault("reader_died", message, "Ask the sender to make it again.")
        raise _Died(fault, may_be_chance=is_killed or self.files > 1)

    def _too_large(self) -> Unreadable:
        most = settings.reader_memory_bytes() // 1024 // 1024
        message = (
            f"The file does not fit into the {most:,} MiB of memory of the process that reads it"
        )
        return self._fault("too_large", message, SMALLER)

    def _too_slow(self) -> Unreadable:
        message = f"Reading the file took more than {counted(round(self._seconds), 'second')}"
        return self._fault("too_slow", message, SMALLER)

    def _fault(self, rule: str, message: str, advice: str) -> Unreadable:
        return Unreadable(rule, f"{message}{self._place()}. {advice}", self._rows or None)

    def _place(self) -> str:
        """How far the process had come, for a sentence."""
        place = f", in {self._part}" if self._part else ""
        return f"{place}, after row {self._rows}" if self._rows else place


def _trailer(answer: dict[str, Any]) -> Trailer:
    return Trailer(**answer | {"sums": tuple((column, text) for column, text in answer["sums"])})


def _frame(stream: bytearray) -> pl.DataFrame:
    frame = pl.from_arrow(pa.ipc.open_stream(pa.py_buffer(stream)).read_all(), rechunk=False)
    assert isinstance(frame, pl.DataFrame)
    return frame


def _last_row(answer: dict[str, Any]) -> int:
    numbers = answer["frames"][0]["row_number"]
    read = int(numbers[-1]) if len(numbers) else 0
    return max(read, answer["broken"][-1][0] if answer["broken"] else 0) % SHEET_ROWS


def _settings() -> dict[str, str]:
    """The settings that a process is started with."""
    return {
        name: value for name, value in os.environ.items() if name.startswith("CLAIMHOUSE_READER_")
    }


def _environment(own: dict[str, str]) -> dict[str, str]:
    """The whole environment of a process: no connection, no secret."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "TZ") if name in os.environ}
    return kept | own | {
        "LANG": "C.UTF-8",
        "ARROW_DEFAULT_MEMORY_POOL": "system",  # the others reserve more than they use
        "MALLOC_ARENA_MAX": "2",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "POLARS_MAX_THREADS": "2",
        "RUST_BACKTRACE": "0",
        # Out of memory, it complains of its thread without end, and the reason is not read.
        "_RJEM_MALLOC_CONF": "background_thread:false",
    }  # fmt: skip


_lock = threading.Lock()
_idle: list[_Child] = []


def _take() -> _Child:
    """An idle process, or a new one."""
    own = _settings()
    with _lock:
        while _idle:
            child = _idle.pop()
            if child.settings == own:
                return child
            child.end()
    return _Child()


def _keep(child: _Child) -> None:
    with _lock:
        _idle.append(child)


def _each(act: Callable[[_Child], object]) -> None:
    while _idle:
        act(_idle.pop())


atexit.register(_each, _Child.end)
# The processes of a parent are not its forked child's: both would read the same pipe.
os.register_at_fork(after_in_child=lambda: _each(_Child.forget))
