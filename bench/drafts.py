"""How many lines of a draft have to be changed until its file loads right.

    python -m bench.drafts [FOLDER ...]

Twenty layouts are made of the same claims, each with names and habits of its own; twenty more were held
out, see :mod:`bench.held_out`. A draft is right
where each value of each row is loaded as the value that the file was written from, to the cent. A
column that is not costs four lines (its two types, a property and its heading), a part of the key that
is wrong two, a column without a name one. Of the files of a folder below ``<source>/``, the contract of
their feed says what the values are; the draft is made as if no contract knew a name.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest import mock

from bench.held_out import held_out
from bench.layouts import Layout, claims, layouts
from claimhouse import contracts
from claimhouse.contracts import Contract
from claimhouse.drafting import words
from claimhouse.drafting.draft import drafts
from claimhouse.drafting.yaml import write_draft
from claimhouse.verification import dialect_of, fit_contracts, fold, open_tables
from claimhouse.verification.header import match_header
from claimhouse.verification.verify import verify

SOURCE, FEED = "strange", "claims"
# A column of a file that has dirt is right if so many of its values are.
RIGHT = 0.97


@dataclass(frozen=True)
class Measure:
    """What a draft costs.

    Attributes:
        lines: of the draft that have to be changed.
        wrong: the headers whose values it loads otherwise, and ``key``.
    """

    title: str
    rows: int
    columns: int
    lines: int
    wrong: tuple[str, ...]
    is_plain: bool = True


def measure(layout: Layout, folder: Path) -> Measure:
    """What the draft of a layout costs."""
    made = [
        row | {name: change(number) for name, change in layout.changes.items()}
        for number, row in enumerate(claims())
    ]
    header = list(layout.columns)
    rows = [[write(row[name]) for name, write in layout.columns.values()] for row in made]
    path = folder / layout.name
    path.write_bytes(layout.encode(header, rows))
    truth = {head: [row[name] for row in made] for head, (name, _) in layout.columns.items()}
    return _measured(layout.title, path, truth, layout.key, layout.is_plain)


def _measured(
    title: str,
    path: Path,
    truth: Mapping[str, Sequence[Any]],
    key: Sequence[str],
    is_plain: bool = True,
    least: float = 1,
) -> Measure:
    with (
        mock.patch.object(words, "known_names", lambda _: ({}, {})),
        mock.patch("claimhouse.drafting.draft.known_names", lambda _: ({}, {})),
    ):
        draft = drafts(path, SOURCE, FEED)[0]
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, SOURCE, f"{draft.feed}.yaml")
        target.parent.mkdir()
        target.write_text(write_draft(draft), encoding="utf-8")
        loaded, numbers = load(contracts.load(target), path)
    columns = [guess.column.name for guess in draft.guesses]
    # A workbook's names may have line breaks where others have blanks.
    spelled = {fold(head): head for head in truth}
    headers = [spelled.get(fold(guess.header), guess.header) for guess in draft.guesses]
    names = dict(zip(headers, columns, strict=True))
    if not draft.has_names:
        names = _by_place(columns, truth, loaded, numbers)
    wrong = [
        head for head, values in truth.items()
        if (head not in names and not draft.has_names)
        or (head in names and _share(loaded[names[head]], numbers, values) < least)
    ]  # fmt: skip
    is_key_wrong = [names.get(head) for head in key] != list(draft.key)
    lines = 4 * len(wrong) + (
        2 * len(set(draft.key) ^ {names.get(head) for head in key}) if is_key_wrong else 0
    )
    if not draft.has_names:
        lines += len(truth) + 4 * max(
            0, len(columns) - len(names)
        )  # to be named, and to be taken out
    count = max(map(len, truth.values()), default=0)
    return Measure(
        title, count, len(truth), lines, (*wrong, *(["key"] if is_key_wrong else [])), is_plain
    )


def _by_place(
    columns: Sequence[str],
    truth: Mapping[str, Sequence[Any]],
    loaded: Mapping[str, Mapping[int, Any]],
    numbers: Sequence[int],
) -> dict[str, str]:
    """The column of each header of a file that has none: that of its place, or the next with its values."""
    if len(columns) == len(truth):
        return dict(zip(truth, columns, strict=True))
    rest, names = list(columns), {}
    for head, values in truth.items():
        same = [name for name in rest if _share(loaded[name], numbers, values) == 1]
        if same:
            names[head] = same[0]
            rest = rest[rest.index(same[0]) + 1 :]
    return names


def load(contract: Contract, path: Path) -> tuple[dict[str, dict[int, Any]], list[int]]:
    """What a contract loads of a file: the values of each column by row number; and all row numbers."""
    values: dict[str, dict[int, Any]] = {column.name: {} for column in contract.columns}
    numbers: list[int] = []
    opened = open_tables(contract, path, path.name)
    with opened.reading as reading:
        for block in reading:
            numbers += [*block.rows["row_number"], *(row.row_number for row in block.broken)]
            accepted = verify(block, opened.plans[block.table]).accepted
            rows = accepted["row_number"].to_list()
            for name, column in values.items():
                column |= dict(zip(rows, accepted[name].to_list(), strict=True))
    return values, sorted(numbers)


def _share(loaded: Mapping[int, Any], numbers: Sequence[int], values: Sequence[Any]) -> float:
    """The share of the rows that have the value that they should have, of the same kind."""
    if len(numbers) != len(values):
        return 0
    same = sum(
        _is_same(loaded.get(number, ...), value)
        for number, value in zip(numbers, values, strict=True)
    )
    return same / len(values) if values else 1


def _is_same(found: Any, value: Any) -> bool:
    if isinstance(found, datetime) and isinstance(value, datetime):
        return found.replace(tzinfo=None) == value.replace(tzinfo=None)
    if isinstance(value, Decimal):
        return isinstance(found, Decimal | int) and found == value
    if isinstance(value, str) and isinstance(found, str):
        return found.strip().casefold() == value.strip().casefold()
    return type(found) is type(value) and bool(found == value)


def of_folder(root: Path) -> Iterator[Measure]:
    """What the drafts of real files cost: the contract of their feed says what they hold."""
    for source in contracts.sources():
        known = contracts.sound([source])
        seen: set[str] = set()
        for path in sorted((root / source).rglob("*")):
            fits = [feed for feed in known if path.is_file() and feed.claims(path.name)]
            if not fits and path.is_file() and any(feed.is_by_content for feed in known):
                fits = [fit.contract for fit in fit_contracts(known, path).best]
            if len(fits) != 1 or fits[0].feed in seen:
                continue
            contract = replace(fits[0], dialect=dialect_of(fits[0], path))
            seen.add(contract.feed)
            with open_tables(contract, path, path.name).reading as reading:
                renames, _ = match_header(contract, reading.header)
            loaded, numbers = load(contract, path)
            truth = {
                head: [loaded[name].get(number) for number in numbers]
                for name, head in renames.items()
            }
            key = [renames[name] for name in contract.key if name in renames]
            yield _measured(f"{source}/{contract.feed}", path, truth, key, least=RIGHT)


def table(measures: Sequence[Measure]) -> str:
    """The measures as a table of Markdown."""
    lines = ["| file | columns | lines to change | what |", "|---|---|---|---|"]
    for draft in measures:
        what = ", ".join(f"`{name}`" for name in draft.wrong) or ("names" if draft.lines else "")
        lines.append(f"| {draft.title} | {draft.columns} | {draft.lines} | {what} |")
    return "\n".join(lines)


def made(wanted: Sequence[Layout] | None = None) -> list[Measure]:
    """What the drafts of layouts cost; without any, of the twenty."""
    with tempfile.TemporaryDirectory() as folder:
        return [measure(layout, Path(folder)) for layout in wanted or layouts()]


def main() -> None:
    """Print the tables."""
    began = time.process_time()
    print(table(made()))
    print(f"\n{table(made(held_out()))}")
    print(f"\n{time.process_time() - began:.1f} s of processor time")
    for root in sys.argv[1:]:
        print(f"\n{table(list(of_folder(Path(root))))}")


if __name__ == "__main__":
    main()
