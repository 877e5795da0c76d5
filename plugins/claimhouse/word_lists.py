"""Reference lists as files: read and checked; :mod:`claimhouse.reference` brings them into the warehouse.

A list with a column ``spelling`` is closed: it names every word that a column of a feed can hold
(``referenceList`` in its contract), and a word outside it is an issue. Its column ``counts_as`` says
what a word means for metrics; ``counts_as.csv`` has what there is. Two spellings are one if they
differ in case, blanks and punctuation alone.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

# What does not matter in a word, here and in include/sql/words.jinja.
BETWEEN_WORDS = r"[\s!-/:-@\[-`{-~\u2013\u2014]+"
SPELLING, COUNTS_AS = "spelling", "counts_as"


class ListError(ValueError):
    """A list that cannot be used; the message names file and row."""


def spelled(word: str) -> str:
    """*word* as closed lists compare it: in lower case, its parts separated by single blanks."""
    return re.sub(BETWEEN_WORDS, " ", word.lower()).strip()


@dataclass(frozen=True)
class WordList:
    """A closed list: its name, and its words as :func:`spelled`."""

    name: str
    words: frozenset[str]


def closed_list(file: Path) -> WordList:
    """The closed list of *file*.

    Raises:
        ListError: there is no such list, it cannot be used, or it is no list of words.
    """
    if not file.is_file():
        raise ListError(f"there is no list {file}")
    header, *rows = read(file, file.read_bytes())
    if SPELLING not in header:
        raise ListError(f"{file} is no list of words: it has no column {SPELLING}")
    words = frozenset(spelled(row[header.index(SPELLING)]) for row in rows)
    return WordList(file.stem, words)


def read(file: Path, content: bytes) -> list[list[str]]:
    """The rows of a list, the header first.

    Args:
        file: where the list is; other lists are beside it.
        content: what is in it.

    Raises:
        ListError: a row has more or fewer fields than the header; a closed list has a spelling twice,
            or counts a word as what ``counts_as.csv`` does not know.
    """
    rows: list[list[str]] = []
    spellings: dict[str, int] = {}
    counted = _counted(file)
    reader = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
    for row in reader:
        rows.append(row)
        place, header = f"{file}:{reader.line_num}", rows[0]
        if len(row) != len(header):
            raise ListError(f"{place}: {len(row)} fields where the header has {len(header)}")
        if len(rows) == 1 or (SPELLING not in header and COUNTS_AS not in header):
            continue
        fields = dict(zip(header, row, strict=True))
        if SPELLING in fields:
            _add(spellings, fields[SPELLING], reader.line_num, place)
        if COUNTS_AS in fields and counted is not None and fields[COUNTS_AS] not in counted:
            raise ListError(f"{place}: {COUNTS_AS} must be one of {', '.join(counted)}")
    return rows


def _add(spellings: dict[str, int], spelling: str, line: int, place: str) -> None:
    word = spelled(spelling)
    if not word:
        raise ListError(f"{place}: the spelling has neither a letter nor a digit")
    if word in spellings:
        raise ListError(f"{place}: the spelling is that of line {spellings[word]}")
    spellings[word] = line


def _counted(file: Path) -> list[str] | None:
    """What the words of a list can count as, by ``counts_as.csv`` beside it; None for that one itself."""
    beside = file.with_name(f"{COUNTS_AS}.csv")
    if file == beside or not beside.is_file():
        return None
    rows = csv.DictReader(io.StringIO(beside.read_text("utf-8"), newline=""))
    return [row[COUNTS_AS] for row in rows if row["list"] == file.stem]
