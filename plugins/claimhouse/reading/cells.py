"""What a workbook's own XML says of a cell, and its value as text does not.

calamine gives values: it does not tell a number from text, a span of time from a point in time, or a
formula without a result from a blank cell. A sheet is searched for such cells as bytes; only one that
may have some is parsed.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from claimhouse.reading.faults import DAMAGE
from claimhouse.reading.kinds import AGAIN
from claimhouse.reading.parts import Unreadable

CHUNK = 1024 * 1024
# Longer than any match, so that none is missed between two chunks.
OVERLAP = 4096
# A number of 16 digits or more, and a formula without a value. Each begins with what few places have,
# which makes the search several times as fast.
LONG_NUMBER = re.compile(rb"v>-?(?:\d{16}|\d(?:\.\d+)?[Ee]\+?\d\d)")
NO_RESULT = re.compile(
    rb"f(?: [^>]*)?/?>\s*(?:<(?:\w+:)?v\s*/>|<(?:\w+:)?v>\s*</(?:\w+:)?v>|</(?:\w+:)?c>)"
)
# Excel keeps 15 digits of a number; a program may write 16, up to where every integer has a float.
KEPT_DIGITS = 10**15
EXACT = 2**53
# Number formats of spans of time: by number (ECMA-376, 18.8.30), and by code.
ELAPSED_FORMAT = 46
ELAPSED = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
# Formats 14 to 22 and 45 to 47 are dates and times; a code is one by its letters outside quotes.
DATE_FORMATS = {*range(14, 23), *range(45, 48)}
DATE_LETTERS = re.compile(r"[dmyhs]", re.IGNORECASE)
NOT_LETTERS = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')
DAY_SECONDS = 86_400


@dataclass
class OddCells:
    """Cells of one sheet, by row from 1 and column from 0.

    Attributes:
        lost_digits: numbers with more digits than a workbook keeps.
        texts: what a cell shows, where its value as a date is another.
        without_result: formulas without a result.
    """

    lost_digits: set[tuple[int, int]] = field(default_factory=set)
    texts: dict[tuple[int, int], str] = field(default_factory=dict)
    without_result: set[tuple[int, int]] = field(default_factory=set)


@dataclass(frozen=True)
class _Styles:
    """Which styles of cells are spans of time, and which are dates or times."""

    elapsed: frozenset[int]
    dates: frozenset[int]
    is_1904: bool


def odd_cells(path: Path, sheet: str) -> OddCells:
    """The odd cells of a sheet that has been read; none in a workbook from before 2007.

    Raises:
        Unreadable: the workbook is damaged.
    """
    found = OddCells()
    if not zipfile.is_zipfile(path):
        return found
    try:
        with zipfile.ZipFile(path) as archive:
            member = _member(archive, sheet)
            styles = _styles(archive)
            is_suspect = bool(styles.elapsed) or styles.is_1904 or _has_suspects(archive, member)
            if is_suspect:
                _parse(_chunks(archive, member), _Cells(styles, found))
    except (KeyError, StopIteration, ValueError, expat.ExpatError):
        return found  # a workbook that only calamine understands
    except DAMAGE:
        raise Unreadable("truncated", f"The workbook is cut off or corrupt. {AGAIN}") from None
    return found


def _member(archive: zipfile.ZipFile, sheet: str) -> str:
    """The path of a sheet's XML in the archive."""
    relations = {
        attributes["Id"]: attributes["Target"]
        for attributes in _elements(archive, "xl/_rels/workbook.xml.rels", "Relationship")
    }
    names = {
        attributes["name"]: next(
            value for name, value in attributes.items() if name.rpartition(":")[2] == "id"
        )
        for attributes in _elements(archive, "xl/workbook.xml", "sheet")
    }
    target = relations[names[sheet]]
    return target.lstrip("/") if target.startswith("/") else f"xl/{target}"


def _styles(archive: zipfile.ZipFile) -> _Styles:
    book = list(_elements(archive, "xl/workbook.xml", "workbookPr"))
    is_1904 = any(attributes.get("date1904") in ("1", "true") for attributes in book)
    if "xl/styles.xml" not in archive.namelist():
        return _Styles(frozenset(), frozenset(), is_1904)
    codes = {
        int(attributes["numFmtId"]): attributes.get("formatCode", "")
        for attributes in _elements(archive, "xl/styles.xml", "numFmt")
    }
    formats = [
        int(attributes.get("numFmtId", 0))
        for attributes in _elements(archive, "xl/styles.xml", "xf", within="cellXfs")
    ]
    elapsed = {
        number
        for number in {*formats}
        if number == ELAPSED_FORMAT or ELAPSED.search(codes.get(number, ""))
    }
    dates = {
        number
        for number in {*formats}
        if (number in codes and DATE_LETTERS.search(NOT_LETTERS.sub("", codes[number])))
        or (number not in codes and number in DATE_FORMATS)
    }
    return _Styles(
        frozenset(style for style, number in enumerate(formats) if number in elapsed),
        frozenset(style for style, number in enumerate(formats) if number in dates),
        is_1904,
    )


def _elements(
    archive: zipfile.ZipFile, member: str, tag: str, within: str | None = None
) -> Iterator[dict[str, str]]:
    """The attributes of each element *tag* of a member, or of those within another element."""
    found: list[dict[str, str]] = []
    path: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        path.append(name.rpartition(":")[2])
        if path[-1] == tag and (within is None or within in path):
            found.append(attributes)

    parser = _parser()
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda name: path.pop()
    for chunk in _chunks(archive, member):
        parser.Parse(chunk)
    parser.Parse(b"", True)
    return iter(found)


def _chunks(archive: zipfile.ZipFile, member: str) -> Iterator[bytes]:
    with archive.open(member) as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def _has_suspects(archive: zipfile.ZipFile, member: str) -> bool:
    tail = b""
    for chunk in _chunks(archive, member):
        piece = tail + chunk
        if LONG_NUMBER.search(piece) or _lacks_result(piece):
            return True
        tail = chunk[-OVERLAP:]
    return False


def _lacks_result(piece: bytes) -> bool:
    has_formulas = b"<f" in piece or b":f" in piece
    return has_formulas and NO_RESULT.search(piece) is not None


def _parser() -> expat.XMLParserType:
    parser = expat.ParserCreate()

    def refuse(*_declaration: object) -> None:
        raise expat.ExpatError("a workbook declares no entities")

    parser.EntityDeclHandler = refuse
    parser.buffer_text = True
    return parser


def _parse(chunks: Iterator[bytes], cells: _Cells) -> None:
    parser = _parser()
    parser.StartElementHandler = cells.start
    parser.EndElementHandler = cells.end
    parser.CharacterDataHandler = cells.text
    for chunk in chunks:
        parser.Parse(chunk)
    parser.Parse(b"", True)


class _Cells:
    """Takes in a sheet's XML, cell by cell."""

    def __init__(self, styles: _Styles, found: OddCells) -> None:
        self._styles = styles
        self._found = found
        self._row, self._column = 0, -1
        self._type, self._style = "n", 0
        self._value, self._is_value, self._has_formula = "", False, False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        tag = name.rpartition(":")[2]
        if tag == "c":
            place = attributes.get("r", "").rstrip("0123456789")
            self._column = _column(place) if place else self._column + 1
            self._type = attributes.get("t", "n")
            self._style = int(attributes.get("s", 0))
            self._value, self._has_formula = "", False
        elif tag == "v":
            self._is_value = True
        elif tag == "f":
            self._has_formula = True
        elif tag == "row":
            self._row = int(attributes.get("r", self._row + 1))
            self._column = -1

    def text(self, text: str) -> None:
        """Text of an element."""
        if self._is_value:
            self._value += text

    def end(self, name: str) -> None:
        """An element ends."""
        tag = name.rpartition(":")[2]
        if tag == "v":
            self._is_value = False
        elif tag == "c" and self._type == "n":
            self._look()

    def _look(self) -> None:
        """Look at a cell that is a number, or a formula of one."""
        place = (self._row, self._column)
        if not self._value.strip():
            if self._has_formula:
                self._found.without_result.add(place)
            return
        value = float(self._value)
        is_date = self._style in self._styles.dates
        is_time = self._styles.is_1904 and is_date and 0 < value < 1
        if is_time or self._style in self._styles.elapsed:
            self._found.texts[place] = clock(value)
        elif not is_date and loses_digits(self._value):
            self._found.lost_digits.add(place)


def loses_digits(number: str) -> bool:
    """Whether a number has more digits than a workbook keeps.

    >>> loses_digits("1.23456789012345E+16"), loses_digits("1234567890123456")
    (True, False)
    """
    value = float(number)
    if not KEPT_DIGITS <= abs(value) < float("inf"):
        return False
    whole = abs(int(number) if number.lstrip("-").isdigit() else int(value))
    return whole >= EXACT or whole % 10 == 0


def clock(days: float) -> str:
    """A span of time or a time of day as a workbook shows it: ``36:00:00``."""
    seconds = round(abs(days) * DAY_SECONDS)
    sign = "-" if days < 0 else ""
    return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _column(letters: str) -> int:
    """The number of a column, from 0: ``A`` is 0, ``AB`` is 27."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - 64
    return number - 1
