"""Try a contract on a file: what would become of it, without touching the warehouse.

    claimhouse try CONTRACT FILE [--hide-values]

The file is verified and mapped as in a load, under a source system and schema of a random name, in
one transaction that is always rolled back. A killed run leaves nothing, and runs wait neither for each
other nor for a load. Numbers of issues may skip. Rows that the warehouse has already are not looked at.

The first rows of the star are printed with their values, which may be those of persons: run it where
you may look at the file, or with ``--hide-values``.
"""

from __future__ import annotations

import argparse
import random
import re
import secrets
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from psycopg import Connection, Rollback, sql

from claimhouse import contracts, reference, settings, verification, warehouse
from claimhouse.batches import Batch
from claimhouse.contracts import Contract, ContractError
from claimhouse.counted import counted
from claimhouse.reading import Unreadable
from claimhouse.star import mapping
from claimhouse.verification import source_tables

# Rows of each target that are printed, and the longest value.
ROWS, LONGEST = 5, 40
ISSUE = ("severity", "rule", "column_name", "issues", "message")
PARTS = ("read", "accepted", "quarantined", "dropped")


@dataclass(frozen=True)
class Target:
    """What a mapping would bring to the star.

    Attributes:
        name: the file of the mapping, without its ending.
        count: how many rows.
        columns: their columns.
        rows: the first ones.
        sums: the sum of each column of decimals.
        trouble: why there are none; empty where nothing is wrong.
    """

    name: str
    count: int = 0
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    sums: tuple[tuple[str, Decimal], ...] = ()
    trouble: str = ""


@dataclass(frozen=True)
class Outcome:
    """What would become of a file.

    Attributes:
        rows: how many are read, accepted, quarantined and dropped.
        amounts: the same of each amount, by column, and the number of unreadable values.
        issues: their severity, rule, column, number and message.
        targets: what its mappings would bring to the star.
    """

    rows: dict[str, int]
    amounts: dict[str, dict[str, Any]]
    issues: tuple[dict[str, Any], ...]
    targets: tuple[Target, ...]


def attempt(contract: Contract, path: Path) -> Outcome:
    """Load a file in a transaction that is rolled back.

    Args:
        contract: the feed's; it may be a draft.
        path: a local file.

    Raises:
        Unreadable: the file as a whole would be rejected.
        claimhouse.warehouse.WarehouseError: the warehouse refused something.
    """
    scratch = f"try_{secrets.token_hex(6)}"
    with warehouse.connect() as connection, connection.transaction() as transaction:
        outcome = _load(connection, contract, scratch, path)
        raise Rollback(transaction)
    return outcome


def _load(connection: Connection[Any], contract: Contract, scratch: str, path: Path) -> Outcome:
    arrived_at = datetime.now(UTC)
    tried = replace(
        contract,
        source_system=scratch,
        dialect=verification.dialect_of(contract, path),
        latest_version=(arrived_at + timedelta(days=1)).date(),
    )
    batch_id = -random.SystemRandom().randrange(1, 2**62)
    batch = Batch(
        batch_id, scratch, contract.feed, "landed", path.name, "", "", 0, arrived_at,
        is_correction=False, was_read=False, contract_hash=None, newest_hash=None,
        is_to_be_reverified=False,
    )  # fmt: skip
    warehouse.query(connection, "trial/enter", batch_id, scratch, contract.feed, path.name)
    others = [
        feed for feed in contracts.sound([contract.source_system]) if feed.feed != contract.feed
    ]
    for feed in (tried, *(replace(feed, source_system=scratch) for feed in others)):
        warehouse.run(connection, "verification/table", **verification.names(feed))
        warehouse.run(connection, "verification/current", **verification.names(feed))
    tally = source_tables.load(connection, tried, batch, path)
    source_tables.close(connection, tried, batch_id, tally, 0)
    reversals = _reversals(connection, tried, batch_id)
    (outcome,) = warehouse.query(connection, "trial/outcome", batch_id)
    rows = {part: outcome[f"rows_{part}"] for part in PARTS}
    amounts = {
        name: {part: Decimal(value) for part, value in sums.items()}
        for name, sums in outcome["amounts"].items()
    }
    _move(rows, len(reversals))
    for name, value in _withdrawn(connection, tried, reversals).items():
        _move(amounts[name], value)
    issues = warehouse.query(connection, "trial/issues", batch_id)
    if reversals:
        message = (
            "The row takes back an amount of the same record: say in the contract what rows mean."
        )
        issues.append(
            dict(
                zip(
                    ISSUE,
                    ("error", "undeclared_reversal", "", len(reversals), message),
                    strict=True,
                )
            )
        )
    targets = tuple(_targets(connection, contract, scratch))
    return Outcome(rows, amounts, tuple(issues), targets)


def _reversals(connection: Connection[Any], tried: Contract, batch_id: int) -> list[int]:
    """The accepted rows that the next step would quarantine, see :func:`verification.set_reversals_aside`."""
    if not tried.may_be_reversed:
        return []
    found = warehouse.query(
        connection, "verification/undeclared_reversals", [batch_id], **verification.names(tried)
    )
    return [row["row_number"] for row in found]


def _withdrawn(
    connection: Connection[Any], tried: Contract, numbers: Sequence[int]
) -> dict[str, Decimal]:
    """Take rows out of the source table; the sums of their amounts."""
    if not numbers:
        return {}
    sums = {}
    table = sql.Identifier(f"source_{tried.source_system}", tried.feed)
    for name in (column.name for column in tried.amounts):
        statement = sql.SQL("select coalesce(sum({}), 0) from {} where row_number = any(%s)")
        row = connection.execute(
            statement.format(sql.Identifier(name), table), [numbers]
        ).fetchone()
        sums[name] = row[0] if row else Decimal(0)
    connection.execute(
        sql.SQL("delete from {} where row_number = any(%s)").format(table), [numbers]
    )
    return sums


def _move(parts: dict[str, Any], value: Any) -> None:
    parts["accepted"] -= value
    parts["quarantined"] += value


def mapping_files(contract: Contract) -> list[Path]:
    """The mappings beside a contract, or those of its source system; what others read comes first."""
    beside = sorted((contract.file.parent / "mapping").glob(f"*__{contract.feed}.sql"))
    folder = settings.INCLUDE / "sql" / "mapping" / contract.source_system
    return sorted(
        beside or folder.glob("*.sql"),
        key=lambda file: (not file.stem.startswith(mapping.SHAPE), file.stem),
    )


def _targets(connection: Connection[Any], contract: Contract, scratch: str) -> Iterator[Target]:
    """What each mapping yields; one that cannot be used stops no other."""
    schema = f"source_{scratch}"
    if not warehouse.columns(connection, "reference", "payer_alias"):  # before the first load
        reference.fill(connection)
    shapes: dict[str, list[str]] = {}
    for file in mapping_files(contract):
        name = file.stem.partition("__")[0]
        if shapes and not name.startswith(mapping.SHAPE):
            _unite(connection, scratch, shapes)
            shapes = {}
        select = re.sub(
            rf"\bsource_{re.escape(contract.source_system)}\b", schema, warehouse.rendered(file)
        )
        try:
            with warehouse.without_values(), connection.transaction():
                view = sql.Identifier(schema, f"star_{file.stem}")
                connection.execute(sql.SQL("create view {} as {}").format(view, sql.SQL(select)))
                target = _target(connection, schema, file.stem, name)
        except warehouse.WarehouseError as error:
            target = Target(file.stem, trouble=str(error))
        if name.startswith(mapping.SHAPE) and file.stem != name:
            shapes.setdefault(name, []).append(file.stem)
        if not name.startswith(mapping.SHAPE):
            yield target


def _unite(connection: Connection[Any], scratch: str, shapes: dict[str, list[str]]) -> None:
    for name, stems in shapes.items():
        mapping.create_union(connection, scratch, name, stems)


def _target(connection: Connection[Any], schema: str, stem: str, table: str) -> Target:
    view = sql.Identifier(schema, f"star_{stem}")
    types = warehouse.columns(connection, schema, f"star_{stem}")
    known = warehouse.columns(connection, "star", table)
    if not known:
        return Target(stem, trouble=f"The star has no table {table}.")
    row = connection.execute(sql.SQL("select count(*) from {}").format(view)).fetchone()
    shown = [name for name in types if name not in ("batch_id", "row_number", "source_system")]
    listed = sql.SQL(", ").join(map(sql.Identifier, shown))
    rows = connection.execute(
        sql.SQL("select {} from {} order by row_number limit {}").format(listed, view, ROWS)
    ).fetchall()
    sums = []
    for name in (name for name in shown if types[name].startswith("numeric")):
        total = connection.execute(
            sql.SQL("select coalesce(sum({}), 0) from {}").format(sql.Identifier(name), view)
        ).fetchone()
        sums.append((name, total[0] if total else Decimal(0)))
    return Target(stem, row[0] if row else 0, tuple(shown), tuple(rows), tuple(sums))


def as_text(outcome: Outcome, hide_values: bool = False) -> str:
    """What to print; without values of the file where *hide_values*."""
    return "\n".join(_lines(outcome, hide_values)) + "\n"


def _lines(outcome: Outcome, hide_values: bool) -> Iterator[str]:
    yield f"rows: {', '.join(f'{outcome.rows[part]:,} {part}' for part in PARTS)}"
    for name, sums in outcome.amounts.items():
        unreadable = f"; {sums['unreadable']} unreadable" if sums["unreadable"] else ""
        yield f"{name}: {', '.join(f'{sums[part]:,} {part}' for part in PARTS)}{unreadable}"
    yield "issues:" if outcome.issues else "issues: none"
    for issue in outcome.issues:
        place = f" {issue['column_name']}" if issue["column_name"] else ""
        yield f"  {issue['severity']} {issue['rule']}{place}: {issue['issues']:,}. {issue['message']}"
    if not outcome.targets:
        yield "star: there is no mapping"
    for target in outcome.targets:
        if target.trouble:
            yield f"{target.name}: {target.trouble}"
            continue
        totals = "".join(f", {name} {value:,}" for name, value in target.sums)
        yield f"{target.name}: {counted(target.count, 'row')}{totals}"
        if not hide_values and target.rows:
            yield f"  {' | '.join(target.columns)}"
            for row in target.rows:
                yield f"  {' | '.join(map(_shown, row))}"


def _shown(value: Any) -> str:
    text = "" if value is None else str(value)
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; exits with 1 where the file would be rejected."""
    parser = argparse.ArgumentParser(
        prog="claimhouse try",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("contract", type=Path, help="the contract's YAML; it may be a draft")
    parser.add_argument("file", type=Path)
    parser.add_argument(
        "--hide-values", action="store_true", help="print numbers and names of columns only"
    )
    options = parser.parse_args(arguments)
    for path in (options.contract, options.file):
        if not path.is_file():
            parser.exit(1, f"there is no file {path}\n")
    try:
        outcome = attempt(contracts.load(options.contract), options.file)
    except ContractError as error:
        parser.exit(1, f"{error}\n")
    except Unreadable as error:
        parser.exit(1, f"{options.file.name} would be rejected: {error.rule}. {error.message}\n")
    sys.stdout.write(as_text(outcome, options.hide_values))
