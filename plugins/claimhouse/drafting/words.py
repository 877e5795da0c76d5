"""What the words of a header suggest: the column's name and what it reveals about a person."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from claimhouse import contracts, settings, strict_yaml
from claimhouse.contracts import Column, Contract
from claimhouse.verification import fold

# Columns that every source table has besides those of its feed.
SOURCE_TABLE_COLUMNS = ("batch_id", "row_number")


@dataclass(frozen=True)
class Suggestions:
    """``include/draft.yaml``, ready for use.

    Attributes:
        dates: the formats to try for a date.
        times: the formats to try for a date with a time.
        flags: pairs of values, true first.
        meaning: what each word or abbreviation means.
        canonical: a column's name, the meanings that suggest it, its classification.
        classes: the meanings that suggest each classification, in order.
        not_numbers: meanings of headers whose digits are not a number.
        money: meanings of headers whose numbers are money.
    """

    dates: list[str]
    times: list[str]
    flags: list[tuple[str, str]]
    meaning: dict[str, str]
    canonical: list[tuple[str, set[str], str]]
    classes: dict[str, set[str]]
    not_numbers: set[str]
    money: set[str]


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
        times=[f"{date}{time}" for date in dates for time in content["time_formats"]],
        flags=[(true, false) for true, false in content["flags"]],
        meaning={word: meaning for meaning, words in content["words"].items() for word in words},
        canonical=[
            (name, set(meanings), classification)
            for name, meanings, classification in content["canonical"]
        ],
        classes={name: set(meanings) for name, meanings in content["classes"].items()},
        not_numbers=set(content["not_numbers"]),
        money=set(content["money"]),
    )


def meanings(header: str) -> set[str]:
    """What the words of a header mean: ``ClaimNbr`` is claim, id."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", header)
    words = re.findall("[a-z]+", spaced.lower())
    return {suggestions().meaning.get(word, word) for word in words}


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


def names(source: str, header: Sequence[str]) -> list[Name]:
    """A name for each column of *header*; all differ, also from the source table's own columns.

    First choice is a name that a contract knows, then a canonical column that the words suggest,
    then the header's own.
    """
    known = known_names(source)
    taken = set(SOURCE_TABLE_COLUMNS)
    chosen = []
    for cell in header:
        name = _name(cell, known, taken)
        column = name.column
        while column in taken:
            column = f"{column}_2"
        taken.add(column)
        chosen.append(Name(column, name.classification, name.doubt))
    return chosen


def _name(cell: str, known: tuple[dict[str, Column], dict[str, Column]], taken: set[str]) -> Name:
    own, other = (columns.get(fold(cell)) for columns in known)
    if own and own.name not in taken:
        return Name(own.name, own.classification)
    words = meanings(cell)
    # Of another source only the name is used: the same header may reveal something else here.
    column = other.name if other and other.name not in taken else snake(cell) or "column"
    for canonical, needed, classification in suggestions().canonical:
        if needed <= words and canonical not in taken:
            doubt = f"Is it {canonical}? Its header suggests so."
            return Name(canonical, classification, doubt)
    for classification, suggested in suggestions().classes.items():
        if suggested & words:
            return Name(column, classification)
    return Name(
        column,
        "identifier",
        "Nothing shows what it reveals about a person; the strictest class is assumed.",
    )
