"""Where the fields of lines of fixed width seem to begin: after columns of blanks, and at other characters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from claimhouse.drafting.kinds import KIND, MOST_KINDS, Kinds, Lines
from claimhouse.drafting.words import suggestions
from claimhouse.reading import Dialect

# Lines of fixed width are of one length, at least so many characters; without that there are more of them.
LEAST_LENGTH, LEAST_LINES, MANY_LINES = 10, 3, 8
NEARLY_ALL, FEW = 0.95, 0.05
# A field that is filled up with blanks has them in so many lines.
SOME = 0.1
# A number is filled up with zeros if so many of a place's digits are zeros, and before it are so many digits.
ZEROS, MANY_DIGITS = 0.9, 6
# So many letters before digits are a part of a number.
PREFIX = 3
FILLED_UP = "the field before it is filled up with blanks"
DATES = (("%Y%m%d", 8), ("%m%d%Y", 8))
YEARS = range(1900, 2036)
OVERPUNCHED = np.array([ord(sign) for sign in "{}ABCDEFGHIJKLMNOPQR"])

Grid = NDArray[np.uint32]
Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Piece:
    """A field of lines of fixed width.

    Attributes:
        start: its first character, from 1.
        length: in characters.
        doubt: why it may begin elsewhere; empty where blanks show it.
    """

    start: int
    length: int
    doubt: str = ""


def is_fixed(texts: Sequence[str], dialect: Dialect) -> bool:
    """Whether lines have their fields at fixed places, and no delimiter between them."""
    if len(texts) < LEAST_LINES:
        return False
    lengths = Counter(len(text.rstrip()) for text in texts)
    full = Counter(map(len, texts)).most_common(1)[0]
    length, count = max(lengths.most_common(1)[0], full, key=lambda pair: pair[1])
    is_even = count >= NEARLY_ALL * len(texts) and length >= LEAST_LENGTH
    places = Counter(
        tuple(match.start() for match in re.finditer(re.escape(dialect.delimiter), text))
        for text in texts[1:]  # the first may have names
    )
    are_divided = sum(map(bool, places.elements())) > len(texts) / 2
    if is_even:
        are_in_place = places.most_common(1)[0][1] >= NEARLY_ALL * (len(texts) - 1)
        return not (are_divided and are_in_place)
    has_gaps = len(texts) >= MANY_LINES and max(lengths) >= 2 * LEAST_LENGTH
    return not are_divided and has_gaps and len(_runs(_used(_blanks(_grid(texts))))) > 2


def kinds_of_fixed(lines: Lines, rows: Collection[str] = ()) -> Kinds | None:
    """The kinds of lines of a file of fixed width, where a header record and a trailer frame its rows.

    Args:
        lines: of the file.
        rows: words that are known to be kinds of rows.
    """
    words = suggestions()
    between = lines.texts[1:-1] if lines.is_whole else lines.texts[1:]
    if not between:
        return None
    first, last = lines.texts[0], lines.last
    for length in (8, 7, 6, 5, 4, 3, 2, 1):
        header, trailer = first[:length].strip(), last[:length].strip()
        if header.upper() in words.header_records and trailer.upper() in words.trailer_records:
            kinds = dict.fromkeys(text[:length] for text in between)
            are_kinds = len(kinds) <= MOST_KINDS and all(map(KIND.fullmatch, kinds))
            if header in kinds or trailer in kinds:
                continue
            are_known = all(kind in rows or kind.upper() in words.row_records for kind in kinds)
            rows = tuple(kinds) if are_kinds and are_known else ()
            fields = tuple(
                ((length + match.start() + 1, match.end() - match.start()), match.group())
                for match in re.finditer("[-0-9.{}A-R]+", last[length:])
            )
            above = dict.fromkeys(rows or ("",), ())
            return Kinds((1, length), header, trailer, rows, above, fields)
    return None


def pieces_of(texts: Sequence[str], first: int = 0) -> list[Piece]:
    """The fields of lines; *first* characters are none of theirs."""
    grid = _grid(texts)
    blank = _blanks(grid)
    is_used = _used(blank)
    is_used[:first] = False
    starts: dict[int, str] = {}
    for begin, end in _joined(grid, _runs(is_used)):
        starts[begin] = ""
        starts |= _starts_within(grid[:, begin:end], begin)
    places = sorted(starts)
    ends = [*places[1:], grid.shape[1]]
    pieces = [
        Piece(start + 1, end - start, starts[start])
        for start, end in zip(places, ends, strict=True)
    ]
    return _set_right(pieces, blank, first)


def _grid(texts: Sequence[str]) -> Grid:
    """The characters of lines, filled up with blanks."""
    length = max(map(len, texts))
    whole = "".join(text.ljust(length) for text in texts)
    return np.frombuffer(whole.encode("utf-32-le"), np.uint32).reshape(len(texts), length)


def _blanks(grid: Grid) -> NDArray[np.bool_]:
    blank: NDArray[np.bool_] = grid == ord(" ")
    return blank


def _used(blank: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The places where some line has more than a blank."""
    is_used: NDArray[np.bool_] = np.any(~blank, axis=0)
    return is_used


def _runs(is_used: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """The first place of each run, and the place behind it."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], is_used, [False])).astype(np.int8)))
    return [(int(begin), int(end)) for begin, end in edges.reshape(-1, 2)]


def _joined(grid: Grid, runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """*runs*, a date and the time behind it as one."""
    joined: list[tuple[int, int]] = []
    for begin, end in runs:
        is_time = (grid[:, begin + 2 : begin + 3] == ord(":")).all() and end - begin >= 5
        if joined and is_time and begin - joined[-1][1] == 1:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return joined


@dataclass(frozen=True)
class _Signs:
    """The share of each kind of character at each place, blanks left out; and how many characters occur there."""

    digit: Shares
    letter: Shares
    blank: Shares
    zero: Shares
    minus: Shares
    point: Shares
    overpunched: Shares
    kinds: NDArray[np.int64]


def _signs(grid: Grid) -> _Signs:
    filled = np.maximum((grid != ord(" ")).sum(0), 1)

    def share(found: NDArray[np.bool_]) -> Shares:
        shares: Shares = found.sum(0) / filled
        return shares

    is_upper = (grid >= ord("A")) & (grid <= ord("Z"))
    return _Signs(
        share((grid >= ord("0")) & (grid <= ord("9"))),
        share(is_upper | ((grid >= ord("a")) & (grid <= ord("z"))) | (grid > 127)),
        (grid == ord(" ")).mean(0),
        share(grid == ord("0")),
        share((grid == ord("-")) | (grid == ord("+"))),
        share(grid == ord(".")),
        share(np.isin(grid, OVERPUNCHED)),
        np.array([len(np.unique(grid[:, place])) for place in range(grid.shape[1])], np.int64),
    )


def _starts_within(grid: Grid, begin: int) -> dict[int, str]:
    """Where fields begin that no blanks divide from the field before them, and why it seems so."""
    signs = _signs(grid)
    starts: dict[int, str] = {}
    ends_of_numbers = _ends_of_numbers(grid, signs)
    last = 0
    for place in range(1, grid.shape[1]):
        is_filled_up = _is_filled_up(grid, signs, last, place)
        why = FILLED_UP if is_filled_up else _why(signs, place)
        if why and place not in ends_of_numbers:
            starts[begin + place] = why
            last = place
    for place in ends_of_numbers:
        if place + 1 < grid.shape[1]:
            starts[begin + place + 1] = "a number seems to end before it"
    inside = _dates(grid, signs)
    for start, end in inside:
        starts = {place: why for place, why in starts.items() if not start < place - begin < end}
        starts |= {begin + start: "a date"} if start else {}
        starts |= {begin + end: "a date ends before it"} if end < grid.shape[1] else {}
    return {
        place: f"Does a field begin at {place + 1}? No blanks show it: {why}."
        for place, why in starts.items()
    }


def _is_filled_up(grid: Grid, signs: _Signs, last: int, place: int) -> bool:
    """Whether a field ends before a place with blanks behind its values: those before a value are its own."""
    if signs.blank[place - 1] < SOME or signs.blank[place] > FEW:
        return False
    blank = _blanks(grid[:, last:place])
    are_behind = (~blank[blank[:, -1]]).any(1).mean() > 1 / 2
    # One blank alone may stand between two words.
    are_many = place - last > 1 and (blank[:, -1] & blank[:, -2]).mean() >= SOME / 2
    return bool(are_behind and (are_many or signs.digit[place] >= NEARLY_ALL))


def _why(signs: _Signs, place: int) -> str:
    """Why a field seems to begin at a place of a run; empty where none does."""
    before = place - 1
    if signs.digit[before] >= NEARLY_ALL and signs.letter[place] >= NEARLY_ALL:
        return "letters follow digits"
    if signs.letter[before] >= NEARLY_ALL and signs.digit[place] >= NEARLY_ALL:
        others = np.flatnonzero(signs.letter[:place] < NEARLY_ALL)
        count = place - (int(others[-1]) + 1 if len(others) else 0)
        return "digits follow letters" if count > PREFIX else ""
    has_sign = 0 < signs.minus[place] < NEARLY_ALL
    if has_sign and signs.minus[before] == 0 and signs.digit[place] + signs.minus[place] > 1 - FEW:
        return "some lines have a sign there"
    is_zero = signs.zero[place] >= ZEROS and signs.kinds[before] >= MANY_DIGITS
    if is_zero and signs.digit[before] >= NEARLY_ALL:
        return "zeros fill it up"
    return ""


def _ends_of_numbers(grid: Grid, signs: _Signs) -> set[int]:
    """The last places of amounts: two digits behind a point, or a digit with its sign."""
    found = set()
    for place in range(1, grid.shape[1]):
        is_behind_digit = signs.digit[place - 1] >= NEARLY_ALL
        if is_behind_digit and signs.overpunched[place] >= NEARLY_ALL:
            kinds = set(np.unique(grid[:, place]).tolist())
            if kinds & {ord("{"), ord("}")} or len(kinds) > len(OVERPUNCHED) // 2:
                found.add(place)
        digits = signs.digit[place + 1 : place + 3]
        if (
            is_behind_digit
            and signs.point[place] >= NEARLY_ALL
            and (digits >= NEARLY_ALL).sum() > 1
        ):
            found.add(place + 2)
    return found


def _dates(grid: Grid, signs: _Signs) -> list[tuple[int, int]]:
    """Where dates of digits alone are."""
    found: list[tuple[int, int]] = []
    place = 0
    while place < grid.shape[1]:
        form = next(
            (length for form, length in DATES if _is_date(grid, signs, place, form, length)), 0
        )
        if form:
            found.append((place, place + form))
        place += form or 1
    return found


def _is_date(grid: Grid, signs: _Signs, place: int, form: str, length: int) -> bool:
    if place + length > grid.shape[1] or signs.digit[place : place + length].min() < NEARLY_ALL:
        return False
    texts = ["".join(map(chr, row)) for row in grid[:, place : place + length].tolist()]
    filled = [text for text in texts if text.strip("0 ")]
    fitting = sum(_is_day(text, form) for text in filled)
    return bool(filled) and fitting >= NEARLY_ALL * len(filled)


def _is_day(text: str, form: str) -> bool:
    try:
        return datetime.strptime(text, form).year in YEARS
    except ValueError:
        return False


def _set_right(pieces: Sequence[Piece], blank: NDArray[np.bool_], first: int) -> list[Piece]:
    """*pieces*, the blanks before a field that is set right given to it."""
    placed: list[Piece] = []
    for piece in pieces:
        start, end = piece.start - 1, piece.start - 1 + piece.length
        filled = np.flatnonzero(~blank[:, start:end].all(0)) + start
        is_right = bool(len(filled)) and blank[:, start].any() and not blank[:, filled[-1]].any()
        begin = start
        while is_right and begin > first and blank[:, begin - 1].all():
            begin -= 1
        doubt = piece.doubt
        if begin < start and placed:
            before = placed[-1]
            placed[-1] = Piece(before.start, begin + 1 - before.start, before.doubt)
            doubt = f"The blanks before {start + 1} may belong to it or to the field before it."
        placed.append(Piece(begin + 1, end - begin, doubt))
    return placed


def first_of(texts: Sequence[str], kinds: Kinds | None, kind: str) -> list[str]:
    """The lines of a kind."""
    if kinds is None:
        return list(texts)
    length = kinds.type[1]
    if kind:
        return [text for text in texts if text[:length].strip() == kind]
    return [text for text in texts if text[:length].strip() not in (kinds.header, kinds.trailer)]
