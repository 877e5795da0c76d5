"""From a file's bytes to a stream of UTF-8: compression, encoding, and files that are not text.

The file is read twice: once to examine it (is it whole, is it text, in which encoding), once to
read it. A file that cannot be trusted is refused before a single row of it is loaded.
"""

from __future__ import annotations

import codecs
import copy
import gzip
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from claimhouse.counted import counted
from claimhouse.reading.archives import members_of
from claimhouse.reading.faults import is_damage
from claimhouse.reading.kinds import AGAIN, refuse_other_kinds
from claimhouse.reading.limits import Stream, Unpacked, at
from claimhouse.reading.parts import Dialect, Unreadable

RECORD_LIMIT = 64 * 1024 * 1024
EXAMINED_BYTES = 1024 * 1024
NEWLINE, RETURN, NUL = 10, 13, 0

MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Windows-1252 leaves five bytes undefined; browsers read them as control characters.
CP1252 = "".join(bytes([code]).decode("cp1252", "ignore") or chr(code) for code in range(256))


@dataclass(frozen=True)
class Text:
    """A text file after examination.

    Attributes:
        encoding: how its bytes become text: ``utf-8``, ``cp1252`` or another codec's name.
        mark_bytes: the length of the byte order mark.
        has_broken: whether it is UTF-8 but for some bytes.
        raw: opens the file, uncompressed.
    """

    encoding: str
    mark_bytes: int
    has_broken: bool
    raw: Callable[[], AbstractContextManager[Stream]]

    @contextmanager
    def open(self) -> Iterator[Stream]:
        """The file as a stream of UTF-8, without compression and byte order mark."""
        with self.raw() as stream:
            stream.read(self.mark_bytes)
            yield stream if self.encoding == "utf-8" else _Transcoded(stream, self.encoding)


class _Transcoded:
    """A stream in another encoding, read as UTF-8."""

    def __init__(self, stream: Stream, encoding: str) -> None:
        self._stream = stream
        self._decode = _decoder(encoding)

    def read(self, size: int) -> bytes:
        while raw := self._stream.read(size):
            if text := self._decode(raw, False):
                return text.encode()
        return self._decode(b"", True).encode()


def _decoder(encoding: str) -> Callable[[bytes, bool], str]:
    if encoding == "cp1252":
        return lambda data, _final: codecs.charmap_decode(data, "strict", CP1252)[0]
    return codecs.getincrementaldecoder(encoding)().decode


def examine(
    path: Path,
    expected: str,
    compression: str | None,
    form: str,
    member: zipfile.ZipInfo | None = None,
) -> Text:
    """Examine a whole text file, in bounded memory.

    Args:
        path: the file.
        expected: the encoding its contract states.
        compression: ``gzip``, ``zip``, or None to go by the content.
        form: the format its contract states, for messages.
        member: the file of a zip archive; by default, the first one.

    Raises:
        Unreadable: it is empty, cut off, not text, or in no known encoding.
    """
    raw = _opener(path, compression, form, member)
    try:
        with raw() as stream:
            head = stream.read(4096)
    except Exception as error:
        if not is_damage(error):
            raise
        raise Unreadable(
            "truncated", f"The compressed file is cut off or corrupt at its start. {AGAIN}"
        ) from None
    refuse_other_kinds(path, head, form)
    encoding, mark = _stated_encoding(head, expected)
    seen = _Examination()
    text = Text(encoding, mark, False, raw)
    try:
        with text.open() as stream:
            while data := stream.read(EXAMINED_BYTES):
                seen.at(data, check=encoding == "utf-8")
    except UnicodeDecodeError:
        raise Unreadable(
            "encoding", f"The file is not valid {encoding} after line {seen.lines}.", seen.lines + 1
        ) from None
    except Exception as error:
        if not is_damage(error):
            raise
        raise Unreadable(
            "truncated",
            f"The compressed file is cut off or corrupt after {counted(seen.size, 'byte')}"
            f" ({counted(seen.lines, 'line')}). {AGAIN}",
        ) from None
    seen.end(check=encoding == "utf-8")
    if seen.size == 0:
        raise Unreadable("empty_file", f"The file is empty. {AGAIN}")
    if seen.nuls * 2 > seen.size:
        raise Unreadable(
            "wrong_format", f"The file is mostly NUL bytes; its contract says {form}. {AGAIN}"
        )
    if encoding == "utf-8" and seen.broken and not (mark or seen.multibyte):
        return Text("cp1252", 0, False, raw)
    if encoding == "utf-8" and seen.broken and not mark and _is_western(expected):
        return Text("cp1252", 0, False, raw)
    return Text(encoding, mark, seen.broken, raw)


def _is_western(name: str) -> bool:
    return codecs.lookup(name).name in ("cp1252", "iso8859-1")


def _stated_encoding(head: bytes, expected: str) -> tuple[str, int]:
    """The encoding, by byte order mark, first bytes or contract, and the length of the mark."""
    for mark, name in MARKS:
        if head.startswith(mark):
            return name, len(mark)
    if (wide := _wide_encoding(head)) is not None:
        return wide, 0
    name = codecs.lookup(expected).name
    if _is_western(expected) or name in ("utf-8", "utf-8-sig", "ascii") or head.isascii():
        return "utf-8", 0  # unless a later byte shows otherwise
    return ("utf-16-le" if name == "utf-16" else name), 0


def _wide_encoding(head: bytes) -> str | None:
    """UTF-16 without a mark: every other byte of Western text is NUL."""
    pairs = len(head) // 2
    if pairs < 2:
        return None
    even, odd = head[: pairs * 2 : 2].count(0), head[1 : pairs * 2 : 2].count(0)
    if odd > 0.7 * pairs and even < 0.05 * pairs:
        return "utf-16-le"
    if even > 0.7 * pairs and odd < 0.05 * pairs:
        return "utf-16-be"
    return None


def _opener(
    path: Path, compression: str | None, form: str, member: zipfile.ZipInfo | None
) -> Callable[[], AbstractContextManager[Stream]]:
    """A function that opens the file uncompressed, by its first bytes."""
    with path.open("rb") as file:
        head = file.read(8)
    if not head:
        raise Unreadable("empty_file", f"The file is empty. {AGAIN}")
    actual = {b"\x1f\x8b": "gzip", b"PK": "zip"}.get(head[:2])
    if actual == "zip" and not head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        actual = None
    if compression is not None and compression != actual:
        raise Unreadable(
            "wrong_format", f"The file is not {compression} data, as its contract says."
        )
    if actual == "gzip":
        return lambda: _open_gzip(path)
    if actual == "zip":
        chosen = member or members_of(path, Dialect(format=form)).data[0]
        return lambda: _open_member(path, chosen)
    return lambda: path.open("rb", buffering=0)


@contextmanager
def _open_gzip(path: Path) -> Iterator[Stream]:
    at("the unpacked file")
    with gzip.open(path) as stream:
        yield Unpacked(stream)


@contextmanager
def _open_member(path: Path, member: zipfile.ZipInfo) -> Iterator[Stream]:
    """A file in a zip archive, with whatever it holds beyond the size that it states.

    Raises:
        Unreadable: at its end, if it is longer or shorter than that.
    """
    at("the file in the zip archive")
    whole = copy.copy(member)
    whole.file_size = sys.maxsize  # zipfile would stop at the stated size without a word
    with zipfile.ZipFile(path) as archive, archive.open(whole) as stream:
        yield _Stated(Unpacked(stream), member.file_size)


class _Stated:
    """A stream that must have the size it is said to have."""

    def __init__(self, stream: Stream, stated: int) -> None:
        self._stream = stream
        self._stated = stated
        self._count = 0

    def read(self, size: int, /) -> bytes:
        data = self._stream.read(size)
        self._count += len(data)
        if self._count > self._stated or (not data and size and self._count != self._stated):
            raise Unreadable(
                "truncated",
                f"The file in the zip archive is not of the {counted(self._stated, 'byte')} that"
                f" the archive says. {AGAIN}",
            )
        return data


def count_lines(data: bytes) -> int:
    """How many line endings there are: newline, return, or both together."""
    count = int(
        np.count_nonzero(np.frombuffer(data, np.uint8) == NEWLINE)
    )  # 4 times as fast as bytes.count
    if b"\r" in data:
        count += data.count(b"\r") - data.count(b"\r\n")
    return count


@dataclass
class _Examination:
    """What is known of a text so far."""

    size: int = 0
    lines: int = 0
    nuls: int = 0
    multibyte: bool = False
    broken: bool = False
    _open_line: int = 0
    _tail: bytes = field(default=b"")

    def at(self, data: bytes, check: bool) -> None:
        """Examine the next bytes; with *check*, whether they are UTF-8."""
        self._measure(data)
        if check and not (self.broken and self.multibyte):
            self._check(self._tail + data, final=False)

    def end(self, check: bool) -> None:
        """Examine what is left at the end."""
        if check and self._tail:
            self._check(self._tail, final=True)

    def _measure(self, data: bytes) -> None:
        first = min(
            (at for at in (data.find(b"\n"), data.find(b"\r")) if at >= 0), default=len(data)
        )
        if self._open_line + first > RECORD_LIMIT:
            raise Unreadable(
                "record_too_long",
                f"A line is longer than {RECORD_LIMIT // 1024 // 1024} MiB.",
                self.lines + 1,
            )
        last = max(data.rfind(b"\n"), data.rfind(b"\r"))
        self._open_line = self._open_line + len(data) if last < 0 else len(data) - last - 1
        self.size += len(data)
        self.nuls += data.count(0) if b"\0" in data else 0
        self.lines += count_lines(data)

    def _check(self, data: bytes, final: bool) -> None:
        if not self._tail and data.isascii():
            return
        try:
            text, used = codecs.utf_8_decode(data, "strict", final)
        except UnicodeDecodeError:
            self.broken = True
            text, used = codecs.utf_8_decode(data, "surrogateescape", final)
            self.multibyte |= re.search("[\x80-\ud7ff\ue000-\U0010ffff]", text) is not None
        else:
            self.multibyte |= len(text) < used
        self._tail = data[used:]
