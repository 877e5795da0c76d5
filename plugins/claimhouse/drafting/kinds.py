"""Files whose lines are of several kinds: rows between a header record and a trailer, claims with their lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from claimhouse import settings
from claimhouse.drafting.words import suggestions
from claimhouse.reading import Dialect, Records, Spot, open_file, split_row

# So many lines are looked at; of a longer file the last one too.
LINES = 20_000
# A kind is a short word, and a file has few.
KIND, MOST_KINDS = re.compile("[A-Za-z0-9]{1,8}"), 12
# Of the lines of a kind nearly all have the same number of fields.
SAME_WIDTH = 0.95
# A word that nobody knows is a header's or trailer's if each kind between them occurs so often.
OFTEN = 3
# The longest word of a header record that is looked for in a long file.
PREFIX = 8
# As a whole line, whatever is in it.
WHOLE_LINE = (("line", 1, 2**26),)


@dataclass(frozen=True)
class Lines:
    """The lines of a text that are not blank.

    Attributes:
        texts: the first :data:`LINES`.
        last: the last one.
        is_whole: whether *texts* are all.
    """

    texts: list[str]
    last: str
    is_whole: bool


@dataclass(frozen=True)
class Kinds:
    """The kinds of lines of a file.

    Attributes:
        type: where a line says its kind.
        header: the kind of the header record; empty for none.
        trailer: the kind of the trailer; empty for none.
        rows: the kinds between them, by their first lines; none where rows have no kind of their own.
        above: for each kind of rows, those that stand above each of its lines.
        trailer_fields: the trailer as it is: its spots, and the texts there.
    """

    type: Spot
    header: str
    trailer: str
    rows: tuple[str, ...]
    above: Mapping[str, tuple[str, ...]]
    trailer_fields: tuple[tuple[Spot, str], ...]

    def records(self, kind: str) -> Records:
        """How a contract says that the lines of a kind are the rows."""
        return Records(
            type=self.type,
            rows=(kind,) if kind else (),
            header=self.header,
            trailer=self.trailer,
            others=tuple(other for other in self.rows if other != kind),
        )


def lines_of(path: Path, dialect: Dialect) -> Lines:
    """The lines of a file of text.

    Raises:
        Unreadable: the file as a whole cannot be read.
    """
    whole = Dialect(format="fixed", widths=WHOLE_LINE, encoding=dialect.encoding)
    texts: list[str] = []
    last, count = "", 0
    with open_file(path, whole, settings.block_bytes()) as reading:
        for block in reading:
            found = block.rows["line"].filter(block.rows["line"].str.strip_chars() != "")
            count += len(found)
            texts += found.head(LINES - len(texts)).to_list() if len(texts) < LINES else []
            last = str(found[-1]) if len(found) else last
            if count > LINES and not _may_have_trailer(texts[0]):
                break
    return Lines(texts, last, count <= LINES)


def _may_have_trailer(first: str) -> bool:
    """Whether the first line of a long file begins as header records do: then the last line is worth a look."""
    words = suggestions().header_records
    return any(first[:length].upper() in words for length in range(1, PREFIX + 1))


def fields_of(line: str, dialect: Dialect) -> list[str]:
    """The fields of a line of a csv, without the blanks around them."""
    return [cell.strip() for cell in split_row(line, dialect) or [line]]


def kinds_of(lines: Lines, dialect: Dialect) -> Kinds | None:
    """The kinds of lines of a csv; None where all are alike."""
    rows = [fields_of(line, dialect) for line in lines.texts]
    if len(rows) < OFTEN:
        return None
    last = fields_of(lines.last, dialect)
    header, trailer = _ends(rows, last)
    between = rows[bool(header) : len(rows) - (bool(trailer) and lines.is_whole)]
    fields = tuple(((place,), text) for place, text in enumerate(last, 1) if trailer and place > 1)
    found = _typed(between)
    if found and (len(found) > 1 or ((header or trailer) and len(between) > 1)):
        return Kinds((1,), header, trailer, found, _above(between, found), fields)
    # A header record alone may be a title.
    return Kinds((1,), header, trailer, (), {"": ()}, fields) if trailer else None


def _ends(rows: Sequence[Sequence[str]], last: Sequence[str]) -> tuple[str, str]:
    """The words of the header record and of the trailer, where the first and last lines are such."""
    counts = Counter(row[0] for row in rows)
    usual = Counter(map(len, rows)).most_common(1)[0][0]
    ends = (rows[0][0], last[0])
    others = [count for word, count in counts.items() if word not in ends]
    are_often = bool(others) and min(others) >= OFTEN and len(others) <= MOST_KINDS
    if ends[0] == ends[1]:
        return "", ""

    def is_end(line: Sequence[str], known: set[str]) -> tuple[bool, bool]:
        """Whether a line seems to be no row, and whether it may be none if the other end is none either."""
        word, is_other = line[0], len(line) != usual
        is_known = word.upper() in known and (is_other or word.isalpha())
        is_kind = bool(KIND.fullmatch(word)) and counts[word] <= 1 and len(line) > 1
        is_sure = (is_known and (is_other or len(word) > 1)) or (are_often and is_other)
        return is_kind and is_sure, is_kind and is_known

    header = is_end(rows[0], suggestions().header_records)
    trailer = is_end(last, suggestions().trailer_records)
    are_both = header[1] and trailer[1]
    return (
        ends[0] if header[0] or are_both else "",
        ends[1] if trailer[0] or are_both else "",
    )


def _typed(rows: Sequence[Sequence[str]]) -> tuple[str, ...] | None:
    """The kinds of the rows, if the first field of each says it."""
    widths: dict[str, Counter[int]] = {}
    for row in rows:
        widths.setdefault(row[0] if row else "", Counter())[len(row)] += 1
    if len(widths) > MOST_KINDS or not all(map(KIND.fullmatch, widths)):
        return None
    usual = {kind: counts.most_common(1)[0] for kind, counts in widths.items()}
    if any(count < SAME_WIDTH * widths[kind].total() for kind, (_, count) in usual.items()):
        return None
    are_words = all(len(kind) > 1 and kind.upper() in suggestions().row_records for kind in widths)
    are_alike = len({width for width, _ in usual.values()}) == 1 and not are_words
    if len(widths) > 1 and (are_alike or len(rows) < 2 * len(widths)):
        return None
    return tuple(widths)


def _above(rows: Sequence[Sequence[str]], kinds: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Which kinds stand above the lines of each: those whose lines come again between its own."""
    words = [row[0] for row in rows]
    is_after: set[tuple[str, str]] = (
        set()
    )  # a kind, and one that came before it since the first kind
    seen: set[str] = set()
    root = kinds[0]
    for word in words:
        is_after |= {(word, before) for before in seen}
        seen = set() if word == root else seen
        seen.add(word)
    is_root_alone = words.count(root) == 1
    above: dict[str, tuple[str, ...]] = {}
    for place, kind in enumerate(kinds):
        above[kind] = tuple(
            other
            for other in kinds[:place]
            if (other, kind) in is_after or (other == root and is_root_alone)
        )
    return above
