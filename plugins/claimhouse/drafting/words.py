"""What the words of a header suggest: the column's name and what it reveals about a person."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from claimhouse import contracts, settings, strict_yaml
from claimhouse.contracts import Column, Contract
from claimhouse.contracts.identifiers import RESERVED, SOURCE_TABLE_COLUMNS, SYSTEM_COLUMNS
from claimhouse.verification import fold

# Names that no column can have.
TAKEN = RESERVED.union(SOURCE_TABLE_COLUMNS, SYSTEM_COLUMNS)
STRICTEST = "Nothing shows what it reveals about a person; the strictest class is assumed."
# A header without separators is divided into words of at least this many letters, or one letter less at an end.
SHORTEST, LONGEST, MOST_PARTS = 3, 40, 5
# What is left of a name that others have, before its number.
LONGEST_UNUSED = 55


@dataclass(frozen=True)
class Suggestions:
    """``include/draft.yaml``, ready for use.

    Attributes:
        dates: the formats to try for a date.
        digits: those to try too where the header says that it is a date.
        times: the formats to try for a date with a time.
        flags: pairs of values, true first.
        no_value: words for no value, of any column.
        no_value_of_types: words for no value in columns that are no text.
        meaning: what each word or abbreviation means.
        canonical: a column's name, the meanings that suggest it, its classification.
        besides: the meanings that a header may have besides.
        classes: classifications and the meanings that suggest each, in order.
        not_numbers: meanings of headers whose digits are not a number.
        numbers: meanings of headers whose digits are one.
        money: meanings of headers whose numbers are money.
        not_money: meanings of headers whose numbers are not, all the same.
        header_records: words with which a header record begins, in capitals.
        trailer_records: words with which a trailer begins.
        row_records: words with which a row begins.
        fillers: names of characters of fixed width that mean nothing.
    """

    dates: list[str]
    digits: list[str]
    times: list[str]
    flags: list[tuple[str, str]]
    no_value: list[str]
    no_value_of_types: list[str]
    meaning: dict[str, str]
    canonical: list[tuple[str, set[str], str]]
    besides: set[str]
    classes: list[tuple[str, set[str]]]
    not_numbers: set[str]
    numbers: set[str]
    money: set[str]
    not_money: set[str]
    header_records: set[str]
    trailer_records: set[str]
    row_records: set[str]
    fillers: set[str]

    @functools.cached_property
    def vocabulary(self) -> set[str]:
        """Every word that means something."""
        lists = [self.besides, self.not_numbers, self.numbers, self.money]
        return {*self.meaning, *self.meaning.values()}.union(
            *lists,
            *(needed for _, needed, _ in self.canonical),
            *(suggested for _, suggested in self.classes),
        )


@dataclass(frozen=True)
class Name:
    """What a column may be called.

    Attributes:
        column: its name in the contract.
        classification: what it reveals about a person.
        doubt: a sentence for the person who finishes the contract; empty for none.
    """

    column: str
    classification: str
    doubt: str = ""


@functools.cache
def suggestions() -> Suggestions:
    """The suggestions of the project."""
    content = strict_yaml.read(settings.INCLUDE / "draft.yaml").data
    dates = content["date_formats"]
    return Suggestions(
        dates=dates,
        digits=content["date_digits"],
        times=[f"{date}{time}" for date in dates for time in content["time_formats"]],
        flags=[(true, false) for true, false in content["flags"]],
        no_value=content["no_value"],
        no_value_of_types=content["no_value_of_types"],
        meaning={word: meaning for meaning, words in content["words"].items() for word in words},
        canonical=[
            (name, set(meanings), classification)
            for name, meanings, classification in content["canonical"]
        ],
        besides=set(content["besides"]),
        classes=[(name, set(meanings)) for name, meanings in content["classes"]],
        not_numbers=set(content["not_numbers"]),
        numbers=set(content["numbers"]),
        money=set(content["money"]),
        not_money=set(content["not_money"]),
        header_records=set(content["header_records"]),
        trailer_records=set(content["trailer_records"]),
        row_records=set(content["row_records"]),
        fillers=set(content["fillers"]),
    )


def meanings(header: str) -> set[str]:
    """What the words of a header mean: ``ClaimNbr`` and ``CLAIMNBR`` are claim, id."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", header)
    words = itertools.chain(*map(_divided, re.findall("[a-z]+", spaced.lower())))
    return {suggestions().meaning.get(word, word) for word in words}


def canonical_names() -> set[str]:
    """The names of the canonical columns."""
    return {name for name, _, _ in suggestions().canonical}


def is_known(header: str) -> bool:
    """Whether some word of a header is one that headers have."""
    return bool(meanings(header) & suggestions().vocabulary)


@functools.cache
def _divided(word: str) -> tuple[str, ...]:
    """A word in the fewest known words that it is made of; itself where it is known, or is made of none."""
    known = suggestions().vocabulary
    if word in known or not SHORTEST < len(word) <= LONGEST:
        return (word,)
    # The fewest parts of each beginning of the word.
    parts: list[tuple[str, ...] | None] = [()]
    for end in range(1, len(word) + 1):
        found = [
            (*before, word[start:end])
            for start, before in enumerate(parts)
            if before is not None and _is_part(word, start, end, known)
        ]
        parts.append(min(found, key=len, default=None))
    best = parts[-1]
    if best is None or len(best) > MOST_PARTS or max(map(len, best)) < SHORTEST:
        return (word,)
    return best


def _is_part(word: str, start: int, end: int, known: set[str]) -> bool:
    """Whether a piece of a word is a known word; those of two letters stand at an end, as in ``CLMNO``."""
    is_long = end - start >= SHORTEST or (
        end - start == SHORTEST - 1 and (end == len(word) or start == 0)
    )
    return is_long and word[start:end] in known


def snake(text: str) -> str:
    """*text* as a name: ``Claim ID`` is ``claim_id``; empty where it has no letter or digit."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    name = re.sub("[^a-z0-9]+", "_", spaced.lower()).strip("_")
    return f"column_{name}" if name[:1].isdigit() else name


def known_names(source: str) -> tuple[dict[str, Column], dict[str, Column]]:
    """Columns by every name they go by: in the contracts of *source*, and in all others.

    A name with several meanings (the ``Id`` of every feed) is left out.
    """
    others = [other for other in contracts.sources() if other != source]
    return _by_name(contracts.sound([source])), _by_name(contracts.sound(others))


def _by_name(feeds: Iterable[Contract]) -> dict[str, Column]:
    columns: dict[str, dict[str, Column]] = {}
    for column in itertools.chain(*(contract.columns for contract in feeds)):
        for name in (column.name, *column.aliases):
            columns.setdefault(fold(name), {})[column.name] = column
    return {name: next(iter(same.values())) for name, same in columns.items() if len(same) == 1}


def names(
    source: str, header: Sequence[str], unfit: Collection[tuple[str, str]] = ()
) -> list[Name]:
    """A name for each column of *header*; all differ, also from the source table's own columns.

    First choice is a name that a contract of the source knows, then the canonical column that the header
    is exactly, one that its words suggest, one that another source's contract knows, the header's own.

    Args:
        source: the source system.
        header: the column names of the file.
        unfit: names of the header and canonical columns that they do not mean after all.
    """
    own, others = known_names(source)
    chosen = _chosen(header, own)
    free = [at for at in range(len(header)) if at not in chosen]
    canonical = _canonical(header, free, {name.column for name in chosen.values()}, unfit)
    chosen |= canonical
    taken = {*TAKEN, *(name.column for name in chosen.values())}
    for at, cell in enumerate(header):
        if at in chosen:
            continue
        known = others.get(fold(cell))
        # Of another source only the name is used: the same header may reveal something else here.
        wanted = known.name if known and known.name not in taken else snake(cell) or "column"
        column = _unused(wanted, taken)
        taken.add(column)
        chosen[at] = _classified(column, cell)
    return [chosen[at] for at in range(len(header))]


def numbered(count: int) -> list[str]:
    """The names of columns of which nothing is known."""
    return [f"column_{number}" for number in range(1, count + 1)]


def _chosen(header: Sequence[str], own: dict[str, Column]) -> dict[int, Name]:
    """The columns that a contract of the source knows, by place in the header."""
    chosen: dict[int, Name] = {}
    taken = set(TAKEN)
    for at, cell in enumerate(header):
        column = own.get(fold(cell))
        if column and column.name not in taken:
            taken.add(column.name)
            chosen[at] = Name(column.name, column.classification)
    return chosen


def _canonical(
    header: Sequence[str], free: Sequence[int], taken: set[str], unfit: Collection[tuple[str, str]]
) -> dict[int, Name]:
    """The canonical columns, by place in the header: the nearest header has each."""
    near: list[tuple[int, int, int, str, str]] = []
    for at in free:
        words = meanings(header[at])
        for place, (name, needed, classification) in enumerate(suggestions().canonical):
            is_exact = fold(header[at]) == fold(name)
            besides = words - needed
            fits = needed <= words and besides <= suggestions().besides
            if (is_exact or fits) and (header[at], name) not in unfit:
                near.append((-1 if is_exact else len(besides), place, at, name, classification))
    chosen: dict[int, Name] = {}
    used = set(taken)
    for distance, _, at, name, classification in sorted(near):
        if at not in chosen and name not in used:
            used.add(name)
            doubt = f"Is it {name}? Its header suggests so." if distance >= 0 else ""
            chosen[at] = Name(name, classification, doubt)
    return chosen


def _classified(column: str, cell: str) -> Name:
    words = meanings(cell)
    for classification, suggested in suggestions().classes:
        if suggested & words:
            return Name(column, classification)
    return Name(column, "identifier", STRICTEST)


def _unused(wanted: str, taken: set[str]) -> str:
    numbers = (f"{wanted[:LONGEST_UNUSED]}_{number}" for number in itertools.count(2))
    return next(name for name in itertools.chain([wanted], numbers) if name not in taken)
