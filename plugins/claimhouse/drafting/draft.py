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
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from claimhouse import contracts, settings
from claimhouse.contracts.identifiers import fault
from claimhouse.counted import counted
from claimhouse.drafting.companions import companions
from claimhouse.drafting.guess import Guess, as_key, guess_column, guess_key
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


def draft(path: Path, source: str, feed: str) -> str:
    """The draft contract of a local file, as YAML; of a workbook of several layouts, of the widest.

    Args:
        path: the file; csv of any delimiter, xlsx, jsonl or parquet, also compressed.
        source: the source system it came from.
        feed: what to call the feed.

    Raises:
        Unreadable: the file as a whole cannot be read.
    """
    return write_draft(drafts(path, source, feed)[0])


class WrongColumns(ValueError):
    """Names of columns that are not as many as the file has, or that it has itself."""


def drafts(path: Path, source: str, feed: str, columns: Sequence[str] = ()) -> list[Draft]:
    """What a draft says of each table of a local file: a workbook may have several layouts.

    Args:
        path: the file.
        source: the source system it came from.
        feed: what to call the feed.
        columns: the names of the columns of a file without a header, in order.

    Raises:
        Unreadable: the file as a whole cannot be read.
        WrongColumns: *columns* are not as many as the file has, or it has names.
    """
    own, others = known_names(source)
    found = tables(path, guess_dialect(path), own.keys() | others.keys())
    if columns:
        found = [_with_names(table, columns) for table in found]
    return [_drafted(path, source, feed, table, found) for table in found]


def _with_names(table: Table, columns: Sequence[str]) -> Table:
    """A table without a header, with the names that the sender says its columns have."""
    if table.has_names:
        raise WrongColumns("the file has names of columns")
    if len(table.header) != len(columns) or len(set(columns)) < len(columns):
        count = counted(len(table.header), "column")
        raise WrongColumns(
            f"the file has {count}, and {len(set(columns))} different names are given"
        )
    rows = table.rows.rename(dict(zip(table.header, columns, strict=True)))
    return replace(table, rows=rows, has_names=True)


def _drafted(path: Path, source: str, feed: str, table: Table, found: Sequence[Table]) -> Draft:
    guesses = _guesses(source, table)
    key, key_doubt = guess_key(guesses, table.rows)
    return Draft(
        source=source,
        feed=feed if len(found) == 1 else f"{feed}_{snake(table.sheets[0]) or 'sheet'}",
        file_name=path.name,
        dialect=table.dialect,
        is_by_content=any(known.is_by_content for known in contracts.of_source(source)),
        guesses=[
            as_key(guess, table.rows) if guess.column.name in key else guess for guess in guesses
        ],
        key=key,
        key_doubt=key_doubt,
        closest=_closest(source, path) if table.has_names else "",
        rows=len(table.rows),
        has_names=table.has_names,
        sheets=len(found),
    )


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

    A workbook of several layouts has a draft for each, named after its sheet too.

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
    return write_all(path, source, feed, folder)[0]


def write_all(
    path: Path,
    source: str,
    feed: str | None = None,
    folder: Path | None = None,
    columns: Sequence[str] = (),
) -> list[Path]:
    """Like :func:`write`; the paths of all drafts. Beside each are its mapping and checks."""
    place = (folder or settings.PROJECT / "var" / "drafts") / source
    written = []
    for drafted in drafts(path, source, feed or feed_name(path.name), columns):
        target = place / f"{drafted.feed}.yaml"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(write_draft(drafted), encoding="utf-8")
        contracts.load(target)
        written.append(target)
        for name, text in companions(drafted).items():
            beside = place / name
            beside.parent.mkdir(exist_ok=True)
            beside.write_text(text, encoding="utf-8")
    return written


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
        type=lambda text: [name.strip() for name in text.split(",")],
        default=[],
        help="of a file without a header, the names of its columns: claim_id,service_date,...",
    )
    options = parser.parse_args(arguments)
    if not options.file.is_file():
        parser.exit(1, f"there is no file {options.file}\n")
    folders = [parent.name for parent in options.file.resolve().parents]
    source = next((name for name in folders if name in contracts.sources()), folders[0])
    try:
        targets = write_all(
            options.file,
            options.source or snake(source),
            options.feed,
            options.folder,
            options.columns,
        )
    except Unreadable as error:
        parser.exit(1, f"{options.file.name} cannot be read. {error.message}\n")
    except WrongColumns as error:
        parser.exit(1, f"--columns: {error}\n")
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
