"""The files in a zip archive: which of them are data, and which only say something about it."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from claimhouse.reading.faults import is_damage
from claimhouse.reading.kinds import AGAIN, kind_of_archive, wrong_format
from claimhouse.reading.parts import Dialect, Note, Unreadable

MOST_MEMBERS = 1000
MOST_CHARACTERS = 200  # of a name that is shown
# What operating systems put into archives.
LITTER = ("thumbs.db", "desktop.ini")
# Files that only accompany data: a letter, a description, a checksum.
NOTES = (
    ".pdf", ".md", ".doc", ".docx", ".rtf", ".md5", ".sha1", ".sha256", ".sha512", ".sig", ".asc",
)  # fmt: skip
README = re.compile("read[-_ ]?me", re.IGNORECASE)
LOOKED_AT_BYTES = 64 * 1024


@dataclass(frozen=True)
class Members:
    """The files of a zip archive.

    Attributes:
        data: those to read, in the order of their names, numbers in them as numbers.
        names: their names, fit to be shown.
        notes: what is left out.
    """

    data: tuple[zipfile.ZipInfo, ...]
    names: tuple[str, ...]
    notes: tuple[Note, ...]


def members_of(path: Path, dialect: Dialect) -> Members:
    """The files of a zip archive that is no document; none of any other file.

    Raises:
        Unreadable: the archive is cut off, locked, a document, or has too many files.
    """
    with path.open("rb") as file:
        if not file.read(4).startswith((b"PK\x03\x04", b"PK\x05\x06")):
            return Members((), (), ())
    try:
        with zipfile.ZipFile(path) as archive:
            found = [member for member in archive.infolist() if not member.is_dir()]
            if (kind := kind_of_archive(member.filename for member in found)) is not None:
                raise wrong_format(kind, dialect.format)
            files = [member for member in found if not _is_litter(member)]
            data = _data(archive, files, dialect)
    except Exception as error:
        if not is_damage(error):
            raise
        raise Unreadable(
            "truncated",
            "The file is a zip archive or workbook, cut off or corrupt; its contract says"
            f" {dialect.format}. {AGAIN}",
        ) from None
    data.sort(key=_natural)
    _check(data)
    notes = [
        Note(
            "unread_member",
            f"{_shown(member)} in the zip archive is not read: it seems to be a note, and no data.",
        )
        for member in files
        if member not in data
    ]
    return Members(tuple(data), tuple(map(_shown, data)), tuple(notes))


def _check(data: list[zipfile.ZipInfo]) -> None:
    if not data or len(data) > MOST_MEMBERS:
        raise Unreadable(
            "wrong_format",
            f"The zip archive holds {len(data):,} files; 1 to {MOST_MEMBERS:,} can be read. {AGAIN}",
        )
    if len({_shown(member) for member in data}) < len(data):
        raise Unreadable(
            "wrong_format", f"Two files of the zip archive have the same name. {AGAIN}"
        )
    if any(member.flag_bits & 1 for member in data):
        raise Unreadable(
            "locked",
            "The zip archive is locked with a password: ask the sender for one without.",
        )


def _data(
    archive: zipfile.ZipFile, files: list[zipfile.ZipInfo], dialect: Dialect
) -> list[zipfile.ZipInfo]:
    """The files that are data; all, where each looks like a note."""
    rest = [member for member in files if not _is_note(member)]
    texts = [member for member in rest if _suffix(member) == ".txt"]
    if len(texts) < len(rest):
        rest = [
            member for member in rest if member not in texts or _is_table(archive, member, dialect)
        ]
    return rest or files


def _is_litter(member: zipfile.ZipInfo) -> bool:
    parts = PurePosixPath(member.filename).parts
    return parts[0] == "__MACOSX" or parts[-1].startswith(".") or parts[-1].lower() in LITTER


def _is_note(member: zipfile.ZipInfo) -> bool:
    return bool(README.match(PurePosixPath(member.filename).name)) or _suffix(member) in NOTES


def _suffix(member: zipfile.ZipInfo) -> str:
    return PurePosixPath(member.filename).suffix.lower()


def _is_table(archive: zipfile.ZipFile, member: zipfile.ZipInfo, dialect: Dialect) -> bool:
    """Whether a text among files of other kinds may have rows: what cannot be told is read."""
    if member.flag_bits & 1 or dialect.format == "fixed":
        return True
    with archive.open(member) as stream:
        beginning = stream.read(LOOKED_AT_BYTES).replace(b"\0", b"").decode("utf-8", "replace")
    lines = [line for line in beginning.splitlines() if line.strip()]
    if dialect.format == "jsonl":
        return bool(lines) and lines[0].lstrip("\ufeff \t").startswith("{")
    return 2 * sum(dialect.delimiter in line for line in lines) > len(lines)


def _natural(member: zipfile.ZipInfo) -> list[tuple[int, str]]:
    """What sorts part2 before part10."""
    parts = re.split("([0-9]+)", member.filename)
    return [(int(part), "") if part.isascii() and part.isdigit() else (-1, part) for part in parts]


def _shown(member: zipfile.ZipInfo) -> str:
    """A file's name as text that a database and a page can show."""
    name = "".join(
        letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in member.filename
    )
    return name if len(name) <= MOST_CHARACTERS else f"{name[:MOST_CHARACTERS]}..."
