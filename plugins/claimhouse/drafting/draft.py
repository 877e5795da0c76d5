"""A draft contract of a file that nobody has described yet, for a person to finish.

    make contract FILE=<file> [SOURCE=<source>]
    claimhouse draft FILE [--source SOURCE] [--feed FEED] [--folder FOLDER]

Types, date formats, the key and the names of columns are guessed from the header and the first
rows. Whatever is doubtful has a comment beside it. A draft can be read like any contract, but
claims no file before its status is ``active``.
"""

from __future__ import annotations

import argparse
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from claimhouse import contracts, settings
from claimhouse.contracts.identifiers import fault
from claimhouse.counted import counted
from claimhouse.drafting.companions import companions
from claimhouse.drafting.frames import key_below, trailer_of, with_parents
from claimhouse.drafting.guess import Guess, as_key, guess_column, guess_key
from claimhouse.drafting.layout import Field, WrongLayout, read_layout
from claimhouse.drafting.sample import Table, tables
from claimhouse.drafting.words import (
    STRICTEST,
    Name,
    canonical_names,
    known_names,
    names,
    snake,
)
from claimhouse.drafting.yaml import Draft, write_draft
from claimhouse.reading import Unreadable, guess_dialect
from claimhouse.verification import fit_contracts


class WrongColumns(ValueError):
    """Names of columns that are not as many as the file has, or that it has itself."""


def drafts(
    path: Path,
    source: str,
    feed: str,
    columns: Mapping[str, Sequence[str]] | None = None,
    layout: Sequence[Field] = (),
) -> list[Draft]:
    """What a draft says of each table of a local file: a workbook may have several, and so may kinds of lines.

    Args:
        path: the file.
        source: the source system it came from.
        feed: what to call the feed.
        columns: the names of the columns of rows without names, in order; by the kind of line, ``""``
            where there are not several.
        layout: where the fields of a file of fixed width are.

    Raises:
        Unreadable: the file as a whole cannot be read.
        WrongColumns: *columns* are not as many as the file has, or it has names.
    """
    own, others = known_names(source)
    found = tables(path, guess_dialect(path), own.keys() | others.keys(), layout)
    given = dict(columns or {})
    if len(found) == 1 and "" in given:
        given[found[0].kind] = given.pop("")
    if unknown := given.keys() - {table.kind for table in found}:
        kinds = ", ".join(filter(None, (table.kind for table in found))) or "no kinds"
        raise WrongColumns(f"'{min(unknown)}' is no kind of its lines: it has {kinds}")
    found = [
        with_names(table, given[table.kind]) if table.kind in given else table for table in found
    ]
    made: dict[str, Draft] = {}
    for table in found:
        name = table.kind or (table.sheets[0] if table.sheets else "")
        drafted = _drafted(path, source, feed, name if len(found) > 1 else "", table, made)
        made[name] = replace(drafted, layouts=len(found))
    return list(made.values())


def with_names(table: Table, columns: Sequence[str]) -> Table:
    """A table without names, with those that the sender says its columns have.

    Raises:
        WrongColumns: they are not as many as the file has, or it has names.
    """
    if table.has_names:
        raise WrongColumns("the file has names of columns")
    if len(table.header) != len(columns) or len(set(columns)) < len(columns):
        count = counted(len(table.header), "column")
        of_kind = f" in lines of the kind {table.kind}" if table.kind else ""
        raise WrongColumns(
            f"the file has {count}{of_kind}, and {len(set(columns))} different names are given"
        )
    renamed = dict(zip(table.header, columns, strict=True))
    dialect = replace(
        table.dialect,
        widths=tuple(
            (renamed[name], start, length) for name, start, length in table.dialect.widths
        ),
        columns=tuple(renamed.get(name, name) for name in table.dialect.columns),
    )
    doubts = {renamed[name]: doubt for name, doubt in table.doubts.items()}
    rows = table.rows.rename(renamed)
    return replace(table, rows=rows, has_names=True, dialect=dialect, doubts=doubts)


def _drafted(
    path: Path, source: str, feed: str, name: str, table: Table, before: Mapping[str, Draft]
) -> Draft:
    """The draft of a table; *before* has those of the kinds of lines that may stand above its own."""
    table, taken = with_parents(path, table, before)
    own = replace(table, rows=table.rows.drop(list(taken)))
    guesses = [*_guesses(source, own), *taken.values()]
    key, key_doubt = key_below(table, guesses, taken) or guess_key(guesses, table.rows)
    trailer = trailer_of(table, guesses)
    columns = {guess.header: guess.column.name for guess in guesses}
    dialect = replace(
        table.dialect,
        records=trailer.records,
        columns=tuple(columns.get(header, "") for header in table.dialect.columns),
        widths=tuple(
            (columns[header], start, length) for header, start, length in table.dialect.widths
        ),
    )
    return Draft(
        source=source,
        feed=f"{feed}_{snake(name) or 'sheet'}" if name else feed,
        file_name=path.name,
        dialect=dialect,
        is_by_content=any(known.is_by_content for known in contracts.of_source(source)),
        guesses=[
            as_key(guess, table.rows) if guess.column.name in key else guess
            for guess in (_with_doubt(guess, table.doubts.get(guess.header)) for guess in guesses)
        ],
        key=key,
        key_doubt=key_doubt,
        closest=_closest(source, path) if table.has_names and not table.kinds else "",
        rows=len(table.rows),
        has_names=table.has_names,
        table=table,
        layout_doubt=trailer.doubt,
        taken=tuple(taken),
    )


def _with_doubt(guess: Guess, doubt: str | None) -> Guess:
    return replace(guess, doubts=(doubt, *guess.doubts)) if doubt else guess


def _guesses(source: str, table: Table) -> list[Guess]:
    """What the columns of a table are."""
    header = table.header
    if not table.has_names:
        return [
            guess_column(cell, Name(cell, "identifier", STRICTEST), table.rows[cell])
            for cell in header
        ]
    unfit: set[tuple[str, str]] = set()
    while True:
        guesses = [
            guess_column(cell, name, table.rows[cell])
            for cell, name in zip(header, names(source, header, unfit), strict=True)
        ]
        wrong = {(guess.header, guess.column.name) for guess in guesses if _is_misnamed(guess)}
        if wrong <= unfit:
            return guesses
        unfit |= wrong


def _is_misnamed(guess: Guess) -> bool:
    """Whether a column's name promises a date or an amount, and its values are none."""
    column, is_empty = guess.column, "It is empty in this file." in guess.doubts
    is_promised = column.name in canonical_names() and not is_empty
    if column.name.endswith("_date"):
        return is_promised and column.type not in ("date", "timestamp")
    if column.name.endswith("_amount"):
        return is_promised and column.type != "decimal"
    return is_promised and column.type in ("date", "timestamp", "boolean", "decimal")


def write(path: Path, source: str, feed: str | None = None, folder: Path | None = None) -> Path:
    """Write the draft of *path* to ``<folder>/<source>/<feed>.yaml`` and check that it can be read.

    A file of several layouts or kinds of lines has a draft for each, named after its sheet or kind too.

    Args:
        path: the file.
        source: the source system it came from.
        feed: what to call the feed; None to name it after the file.
        folder: where drafts go; None for ``var/drafts``.

    Returns:
        The path of the draft, or of the first.

    Raises:
        Unreadable: the file as a whole cannot be read.
    """
    found = drafts(path, source, feed or feed_name(path.name))
    return write_all(found, folder)[0]


def write_all(found: Sequence[Draft], folder: Path | None = None) -> list[Path]:
    """Write drafts, and beside each its mappings and checks; the paths of the drafts."""
    written = []
    for drafted in found:
        place = (folder or settings.PROJECT / "var" / "drafts") / drafted.source
        for name, text in files(drafted).items():
            target = place / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        written.append(place / f"{drafted.feed}.yaml")
        contracts.load(written[-1])
    return written


def files(drafted: Draft) -> dict[Path, str]:
    """The contract, and what comes with it: their paths below the folder of the source, and their texts."""
    return {Path(f"{drafted.feed}.yaml"): write_draft(drafted), **companions(drafted)}


def feed_name(file_name: str) -> str:
    """What to call the feed of a file, after its name."""
    name = snake(re.sub(r"\d", "", file_name.partition(".")[0])) or "feed"
    return f"{name}_feed" if fault(name) else name


def _closest(source: str, path: Path) -> str:
    """A sentence on the contract of the source that is most like the file."""
    fits = fit_contracts(contracts.of_source(source), path).fits
    if not fits or not fits[0].values:
        return "No contract of the source is like it."
    share = math.floor(100 * fits[0].share)
    return f"The closest contract is {fits[0].contract.feed}: fit {share} %."


def _name(text: str) -> str:
    """A name given on the command line.

    Raises:
        ArgumentTypeError: it is none.
    """
    if why := fault(text):
        raise argparse.ArgumentTypeError(f"'{text}' {why}")
    return text


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; prints the path of the draft."""
    parser = argparse.ArgumentParser(
        prog="claimhouse draft",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--source", type=_name, help="the source system (default: the file's folder)"
    )
    parser.add_argument(
        "--feed", type=_name, help="what to call the feed (default: after the file)"
    )
    parser.add_argument("--folder", type=Path, help="where drafts go (default: var/drafts)")
    parser.add_argument(
        "--columns",
        action="append",
        type=_columns,
        default=[],
        help="of rows without names, those of their columns: claim_id,service_date,...; of lines of several"
        " kinds, for each kind: CLM:claim_id,service_date,...",
    )
    parser.add_argument(
        "--layout",
        type=Path,
        help="of a file of fixed width, the carrier's layout as a csv with the columns name,start,length"
        " (start from 1) and, for several kinds of lines, record",
    )
    options = parser.parse_args(arguments)
    if not options.file.is_file():
        parser.exit(1, f"there is no file {options.file}\n")
    folders = [parent.name for parent in options.file.resolve().parents]
    source = next((name for name in folders if name in contracts.sources()), folders[0])
    try:
        found = drafts(
            options.file,
            options.source or snake(source),
            options.feed or feed_name(options.file.name),
            dict(options.columns),
            read_layout(options.layout) if options.layout else (),
        )
        targets = write_all(found, options.folder)
    except Unreadable as error:
        parser.exit(1, f"{options.file.name} cannot be read. {error.message}\n")
    except WrongColumns as error:
        parser.exit(1, f"--columns: {error}\n")
    except (WrongLayout, OSError) as error:
        parser.exit(1, f"{options.layout or options.file} cannot be used: {error}\n")
    for target in targets:
        print(f"{target} is a draft: finish it as its first lines say.")
        beside = sorted(
            str(file.relative_to(target.parent))
            for file in (
                *target.parent.glob(f"mapping/*__{target.stem}.sql"),
                target.parent / "soda" / f"{target.stem}.yml",
            )
            if file.exists()
        )
        print(f"Beside it: {', '.join(beside) or 'nothing'}.")
        command = shlex.join(["claimhouse", "try", str(target), str(options.file)])
        print(f"See what would become of the file: {command}")


def _columns(text: str) -> tuple[str, list[str]]:
    """The kind of line, and the names of its columns."""
    kind, _, names = text.rpartition(":")
    return kind.strip(), [name.strip() for name in names.split(",")]
