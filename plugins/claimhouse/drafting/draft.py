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
from collections.abc import Sequence
from pathlib import Path

from claimhouse import contracts, settings
from claimhouse.drafting.guess import as_key, guess_column, guess_key
from claimhouse.drafting.sample import first_rows
from claimhouse.drafting.words import names, snake
from claimhouse.drafting.yaml import Draft, write_draft
from claimhouse.reading import Unreadable, guess_dialect
from claimhouse.verification import fit_contracts


def draft(path: Path, source: str, feed: str) -> str:
    """The draft contract of a local file, as YAML.

    Args:
        path: the file; csv of any delimiter, xlsx, jsonl or parquet, also compressed.
        source: the source system it came from.
        feed: what to call the feed.

    Raises:
        Unreadable: the file as a whole cannot be read.
    """
    dialect = guess_dialect(path)
    rows = first_rows(path, dialect)
    header = [name for name in rows.columns if name != "row_number"]
    guesses = [
        guess_column(cell, name, rows[cell])
        for cell, name in zip(header, names(source, header), strict=True)
    ]
    key, key_doubt = guess_key(guesses, rows)
    return write_draft(
        Draft(
            source=source,
            feed=feed,
            file_name=path.name,
            dialect=dialect,
            is_by_content=any(known.is_by_content for known in contracts.of_source(source)),
            guesses=[
                as_key(guess, rows) if guess.column.name in key else guess for guess in guesses
            ],
            key=key,
            key_doubt=key_doubt,
            closest=_closest(source, path),
            rows=len(rows),
        )
    )


def write(path: Path, source: str, feed: str | None = None, folder: Path | None = None) -> Path:
    """Write the draft of *path* to ``<folder>/<source>/<feed>.yaml`` and check that it can be read.

    Args:
        path: the file.
        source: the source system it came from.
        feed: what to call the feed; None to name it after the file.
        folder: where drafts go; None for ``var/drafts``.

    Returns:
        The path of the draft.

    Raises:
        Unreadable: the file as a whole cannot be read.
    """
    name = feed or feed_name(path.name)
    target = (folder or settings.PROJECT / "var" / "drafts") / source / f"{name}.yaml"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(draft(path, source, name), encoding="utf-8")
    contracts.load(target)
    return target


def feed_name(file_name: str) -> str:
    """What to call the feed of a file, after its name."""
    return snake(re.sub(r"\d", "", file_name.partition(".")[0])) or "feed"


def _closest(source: str, path: Path) -> str:
    """A sentence on the contract of the source that is most like the file."""
    fits = fit_contracts(contracts.of_source(source), path).fits
    if not fits or not fits[0].values:
        return "No contract of the source is like it."
    share = math.floor(100 * fits[0].share)
    return f"The closest contract is {fits[0].contract.feed}: fit {share} %."


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; prints the path of the draft."""
    parser = argparse.ArgumentParser(
        prog="claimhouse draft",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--source", help="the source system (default: the file's folder)")
    parser.add_argument("--feed", help="what to call the feed (default: after the file)")
    parser.add_argument("--folder", type=Path, help="where drafts go (default: var/drafts)")
    options = parser.parse_args(arguments)
    if not options.file.is_file():
        parser.exit(1, f"there is no file {options.file}\n")
    folders = [parent.name for parent in options.file.resolve().parents]
    source = next((name for name in folders if name in contracts.sources()), folders[0])
    try:
        target = write(options.file, options.source or snake(source), options.feed, options.folder)
    except Unreadable as error:
        parser.exit(1, f"{options.file.name} cannot be read. {error.message}\n")
    print(f"{target} is a draft: finish it as its first lines say.")
