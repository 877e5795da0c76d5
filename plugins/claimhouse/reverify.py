"""Reverify: accepted rows follow a contract that has changed, when somebody asks for it.

What a contract changes about rejected files and quarantined rows, the next run does by itself. Rows that
were accepted stay as they were read until ``claimhouse reverify`` asks for them: with ``--dry-run`` it
says what would change, without it the next run of the source system reads them anew and loads them.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from claimhouse import batches, contracts, storage, verification, warehouse
from claimhouse.contracts import Contract
from claimhouse.verification import Change


def chosen(contract: Contract, since: date | None = None) -> list[int]:
    """The batches of a feed of which rows were read under another version of its contract.

    Args:
        contract: the feed's contract now.
        since: the day from which on their files arrived; all, where left out.
    """
    with warehouse.connect() as connection:
        rows = warehouse.query(
            connection, "verification/to_reverify",
            contract.source_system, contract.feed, contract.content_hash, since,
        )  # fmt: skip
    return [int(row["batch_id"]) for row in rows]


def ask(batch_ids: Sequence[int]) -> None:
    """Ask for batches to be read anew by the next run of their source system."""
    with warehouse.connect() as connection:
        warehouse.query(connection, "verification/ask_to_reverify", list(batch_ids))


def would_change(batch_id: int) -> Change | None:
    """What reading a batch anew would change; nothing is changed. None where it has no rows any more.

    Raises:
        claimhouse.storage.Damaged: the archived file is not the one that landed.
    """
    with warehouse.connect() as connection:
        batch = batches.locked(connection, batch_id)
        if batch.state not in verification.READ:
            return None
        change = verification.reverify(connection, batch, verification.contract_of(batch))
        connection.rollback()
    return change


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: ``SOURCE FEED [--since DAY] [--dry-run]``."""
    parser = argparse.ArgumentParser(
        prog="claimhouse reverify",
        description="Read the accepted rows of a feed anew, under its contract as it is now. The next run of the "
        "source system does it, and loads them. Rejected files and quarantined rows need no asking.",
    )
    parser.add_argument("source", metavar="SOURCE", help="the source system")
    parser.add_argument("feed", metavar="FEED", help="the feed")
    parser.add_argument(
        "--since", type=date.fromisoformat, metavar="YYYY-MM-DD",
        help="only files that arrived on this day or later",
    )  # fmt: skip
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would change, and change nothing"
    )
    given = parser.parse_args(arguments)
    contract = _contract(parser, given.source, given.feed)
    batch_ids = chosen(contract, given.since)
    if not batch_ids:
        print(f"{contract.name}: every batch was read under the contract as it is now.")
    elif given.dry_run:
        _say(contract, batch_ids)
    else:
        ask(batch_ids)
        print(
            f"{contract.name}: {_count(len(batch_ids), 'batch')} to read anew. The next run of "
            f"ingest_{contract.source_system} does it, and loads what has changed; start it with "
            f"`airflow dags trigger ingest_{contract.source_system}`, or wait for it."
        )


def _contract(parser: argparse.ArgumentParser, source: str, feed: str) -> Contract:
    known = contracts.sources()
    if source not in known:
        parser.error(f"no contracts of {source}; there are {', '.join(known)}")
    try:
        found = {contract.feed: contract for contract in contracts.of_source(source)}
    except contracts.ContractError as error:
        sys.exit(f"claimhouse reverify: {error}")
    if feed not in found:
        parser.error(f"{source} has no feed {feed}; there are {', '.join(found)}")
    return found[feed]


def _say(contract: Contract, batch_ids: Sequence[int]) -> None:
    """Print what would change, by batch and together."""
    verification.ensure_tables(contract.source_system)
    changes: list[Change] = []
    for batch_id in batch_ids:
        try:
            change = would_change(batch_id)
        except storage.Damaged as error:
            print(f"batch {batch_id}: its archived file is {error}; it would keep what it has.")
            continue
        if change is not None:
            changes.append(change)
            print("\n".join(_lines(f"batch {batch_id}, {change.file_name}", [change])), flush=True)
    if len(changes) > 1:
        print("\n".join(_lines(f"all {len(changes)} batches", changes)))
    print("Nothing was changed. Without --dry-run, the next run reads them anew.")


def _lines(title: str, changes: Sequence[Change]) -> list[str]:
    """What several changes come to, line by line."""
    rejected = [change for change in changes if change.state == "rejected"]
    if len(changes) == len(rejected) == 1:
        return [
            f"{title}: would be rejected, and its {_count(changes[0].rows_left, 'row')} leave. "
            + changes[0].problem
        ]
    if not any(change.is_any or change.before != change.after for change in changes):
        return [f"{title}: nothing would change"]
    lines = [f"{title}:"]
    if rejected:
        lines.append(f"  batches rejected    {len(rejected):,}")
    for what in ("accepted", "quarantined", "dropped"):
        before, after = (
            sum(counts[f"rows_{what}"] for counts in side)
            for side in ([c.before for c in changes], [c.after for c in changes])
        )
        lines.append(f"  rows {what:<14} {_from_to(before, after)}")
    values: Counter[str] = Counter()
    for change in changes:
        values.update(change.values)
    lines += [
        f"  values of {name}: {_count(count, 'other')}" for name, count in values.items() if count
    ]
    for name in dict.fromkeys(
        name for c in changes for name in (*c.before["amounts"], *c.after["amounts"])
    ):
        before = _money(name, (c.before for c in changes))
        lines.append(
            f"  {name} accepted: {_from_to(before, _money(name, (c.after for c in changes)))}"
        )
    return lines


def _money(name: str, sides: Iterable[dict[str, Any]]) -> Decimal:
    return sum(
        (Decimal(side["amounts"].get(name, {}).get("accepted", 0)) for side in sides), Decimal(0)
    )


def _from_to(before: Decimal | int, after: Decimal | int) -> str:
    if before == after:
        return f"{before:,}"
    return f"{before:,} -> {after:,} ({after - before:+,})"


def _count(number: int, thing: str) -> str:
    many = f"{thing}es" if thing.endswith("ch") else f"{thing}s"
    return f"{number:,} {thing if number == 1 else many}"
