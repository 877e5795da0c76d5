"""What a file is that is not what its contract says, and what to ask the sender for."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from claimhouse.reading import ole
from claimhouse.reading.faults import is_damage
from claimhouse.reading.parts import Unreadable

AGAIN = "Ask the sender to send it again."
HEAD_BYTES = 4096


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        name: with its article, for a sentence.
        advice: a sentence; empty to ask for the format of the contract.
        rule: the issue's.
    """

    name: str
    advice: str = ""
    rule: str = "wrong_format"


OLD_FILE = Kind("an old Office file")
LOCKED = Kind(
    "a workbook or document locked with a password",
    "The workbook is locked with a password: ask the sender for one without.",
    "locked",
)
WORKBOOK = Kind("an Excel workbook")
OLD_WORKBOOK = Kind("an Excel workbook of before 2007 (.xls)")
OPEN_DOCUMENT = Kind("an OpenDocument file (.ods)")
NUMBERS = Kind("a Numbers or Pages document", "Ask the sender to export it as xlsx or csv.")

MAGIC = (
    (b"PK\x03\x04", Kind("a zip archive", "Ask the sender for the file itself, packed at most once.")),
    (b"PK\x05\x06", Kind("an empty zip archive", AGAIN)),
    (b"\x1f\x8b", Kind("gzip data", "Ask the sender for the file itself, packed at most once.")),
    (b"BZh", Kind("bzip2 data", "Ask the sender for it unpacked, or packed with gzip.")),
    (b"7z\xbc\xaf", Kind("a 7z archive", "Ask the sender for it unpacked, or packed with gzip.")),
    (b"\xfd7zXZ", Kind("xz data", "Ask the sender for it unpacked, or packed with gzip.")),
    (b"\x28\xb5\x2f\xfd", Kind("zstd data", "Ask the sender for it unpacked, or packed with gzip.")),
    (b"Rar!\x1a", Kind("a RAR archive", "Ask the sender for it unpacked, or packed with gzip.")),
    (b"PAR1\x15", Kind("a Parquet file")),
    (b"%PDF-", Kind("a PDF document", "Ask the sender for the data it was printed from.")),
    (b"\x89PNG\r\n", Kind("a PNG image", "Ask the sender for the data, not a picture of them.")),
    (b"\xff\xd8\xff", Kind("a JPEG image", "Ask the sender for the data, not a picture of them.")),
    (b"GIF87a", Kind("a GIF image", "Ask the sender for the data, not a picture of them.")),
    (b"GIF89a", Kind("a GIF image", "Ask the sender for the data, not a picture of them.")),
    (b"II*\x00", Kind("a TIFF image", "Ask the sender for the data, not a picture of them.")),
    (b"MM\x00*", Kind("a TIFF image", "Ask the sender for the data, not a picture of them.")),
    (b"SQLite format 3\x00", Kind("a SQLite database")),
    (b"{\\rtf", Kind("a rich text document (RTF)")),
    (b"\x7fELF", Kind("a program")),
    (b"MZ\x90\x00", Kind("a program")),
    (
        b"version https://git-lfs.github.com/spec/",
        Kind("a pointer of Git LFS, not the file", "Ask the sender for the file it points to."),
    ),
)  # fmt: skip
TEXTS = (
    (
        re.compile(
            rb"\s*(<!--.*?-->\s*)*<(!doctype\s+html|html|head|body|table|div|style|meta)\b",
            re.IGNORECASE | re.DOTALL,
        ),
        Kind(
            "a web page, or a table saved as one (HTML)",
            "Some systems name these .xls, others send them in place of an error. Ask the sender for"
            " the data.",
        ),
    ),
    (
        re.compile(
            rb"\s*<\?xml[^>]*>.*?(progid=\"Excel\.Sheet\"|<(ss:)?Workbook\b)",
            re.IGNORECASE | re.DOTALL,
        ),
        Kind("a spreadsheet saved as XML", "Ask the sender to save it as xlsx or csv."),
    ),
    (re.compile(rb"\s*<(\?xml|!doctype|[a-z][\w:.-]*[\s/>])", re.IGNORECASE), Kind("XML")),
    (
        re.compile(rb"\s*\[\s*[\[{\"]"),
        Kind("a JSON array", "Ask the sender for one JSON object a line, or for csv."),
    ),
)
JSON_ROWS = re.compile(rb"\s*\{\s*(\"|\})")
MAIL = Kind("an email", "Ask the sender for the file that is attached to it.")
MAIL_LINE = re.compile(
    rb"(From|To|Cc|Subject|Date|Received|Return-Path|MIME-Version|Message-ID|Delivered-To"
    rb"|Content-Type|DKIM-Signature|X-[\w-]+): ?\S",
    re.IGNORECASE,
)
# Names of streams, or their beginnings, in an OLE file; the first that occurs decides.
STREAMS = (
    ("EncryptedPackage", LOCKED),
    ("Workbook", OLD_WORKBOOK),
    ("Book", OLD_WORKBOOK),
    ("WordDocument", Kind("a Word document")),
    ("PowerPoint Document", Kind("a PowerPoint presentation")),
    ("__substg1.0", MAIL),
    ("__properties_version", MAIL),
)
# Names of parts, or their beginnings, in a zip archive that is a document.
PARTS = (
    ("xl/workbook.", WORKBOOK),
    ("word/document.", Kind("a Word document")),
    ("ppt/presentation.", Kind("a PowerPoint presentation")),
    ("[Content_Types].xml", WORKBOOK),
    ("META-INF/manifest.xml", OPEN_DOCUMENT),
    ("Index.zip", NUMBERS),
    ("Index/Document.iwa", NUMBERS),
)


def refuse_other_kinds(path: Path, head: bytes, form: str) -> None:
    """Refuse a file whose first bytes are those of another kind than its contract's.

    Args:
        path: the file.
        head: its first bytes, unpacked.
        form: the format that the contract says.

    Raises:
        Unreadable: it is of another kind.
    """
    kind = _kind(path, head, form)
    if kind is not None:
        raise wrong_format(kind, form)


def wrong_format(kind: Kind, form: str) -> Unreadable:
    """The fault of a file of another kind than its contract says."""
    if kind.rule == "locked":
        return Unreadable(kind.rule, kind.advice)
    advice = kind.advice or f"Ask the sender for {form}."
    return Unreadable(
        kind.rule, f"The file looks like {kind.name}; its contract says {form}. {advice}"
    )


def _kind(path: Path, head: bytes, form: str) -> Kind | None:
    if head.startswith(ole.MAGIC):
        return kind_of_ole(path)
    for magic, kind in MAGIC:
        if head.startswith(magic):
            return kind
    text = _ascii(head)
    for pattern, kind in TEXTS:
        if pattern.match(text):
            return kind
    if _is_mail(text):
        return MAIL
    return Kind("JSON") if form in ("csv", "fixed") and JSON_ROWS.match(text) else None


def kind_of_ole(path: Path) -> Kind:
    """What an OLE file is, the container of Office before 2007 and of locked workbooks."""
    try:
        names = ole.streams(path)
        is_locked = ole.is_locked_workbook(path)
    except Exception as error:
        if not is_damage(error):
            raise
        return Kind("an old Office file, cut off or corrupt", AGAIN)
    kind = _first_kind(STREAMS, names)
    return LOCKED if kind is OLD_WORKBOOK and is_locked else kind or OLD_FILE


def kind_of_archive(names: Iterable[str]) -> Kind | None:
    """What document a zip archive is, by the names in it; None for an archive of files."""
    return _first_kind(PARTS, set(names))


def _first_kind(kinds: Iterable[tuple[str, Kind]], names: Iterable[str]) -> Kind | None:
    """The first of *kinds* of which a name begins with its word."""
    for beginning, kind in kinds:
        if any(name.startswith(beginning) for name in names):
            return kind
    return None


def _is_mail(text: bytes) -> bool:
    lines = text.splitlines()[:12]
    if lines and lines[0].startswith(b"From ") and b"@" in lines[0]:
        lines = lines[1:]
    headers = [line for line in lines if MAIL_LINE.match(line)]
    return len(headers) >= 3 and bool(lines) and headers[0] == lines[0]


def _ascii(head: bytes) -> bytes:
    """The first bytes without a byte order mark; of UTF-16, every second one."""
    for mark in (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        if head.startswith(mark):
            head = head.removeprefix(mark)
            return head if mark == codecs.BOM_UTF8 else head.replace(b"\0", b"")
    return head
