"""Try a contract on a file: what would become of it, without touching the warehouse.

    claimhouse try CONTRACT FILE [--hide-values]

The file is verified, checked and loaded into the star as any, under a source system and schema of a random
name, in one transaction that is always rolled back. A killed run leaves nothing. Numbers of issues and keys may
skip. A run waits for a load, and a load for it, only where both bring the same new day or combination of flags.
Rows that the warehouse has of the feed are not looked at; those of other feeds of its source system are.

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
from psycopg.types.json import Jsonb

from claimhouse import checks, contracts, reference, settings, star, verification, warehouse
from claimhouse.batches import Batch
from claimhouse.contracts import Contract, ContractError
from claimhouse.counted import counted
from claimhouse.reading import Unreadable
from claimhouse.star import mapping
from claimhouse.star.layouts import UnknownLayoutError
from claimhouse.verification import source_tables

# Rows of each target that are printed, and the longest value.
ROWS, LONGEST = 5, 40
ISSUE = ("severity", "rule", "column_name", "issues", "message")
PARTS = ("read", "accepted", "quarantined", "dropped")


@dataclass(frozen=True)
class Target:
    """What a mapping brings to the star.

    Attributes:
        name: the table of the star.
        rows: the rows; None where there is trouble.
        trouble: why there are none; empty where nothing is wrong.
    """

    name: str
    rows: star.TriedRows | None = None
    trouble: str = ""


@dataclass(frozen=True)
class Checks:
    """What the checks of the batch found.

    Attributes:
        outcomes: one for each check.
        trouble: why they did not run; empty where they did.
    """

    outcomes: tuple[checks.Outcome, ...] = ()
    trouble: str = ""


@dataclass(frozen=True)
class Outcome:
    """What would become of a file.

    Attributes:
        rows: how many are read, accepted, quarantined and dropped.
        amounts: the same of each amount, by column, and the number of unreadable values.
        issues: their severity, rule, column, number and message.
        checks: what the feed's checks found.
        targets: what its mappings would bring to the star.
    """

    rows: dict[str, int]
    amounts: dict[str, dict[str, Any]]
    issues: tuple[dict[str, Any], ...]
    checks: Checks
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
    for feed in others:
        _show_rows(connection, feed, scratch)
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
    _count(connection, batch_id, rows, amounts)
    reference.fill(connection)
    checked = _checks(connection, tried, contract.source_system, batch_id)
    targets = tuple(_targets(connection, contract, scratch, batch_id))
    return Outcome(rows, amounts, tuple(issues), checked, targets)


def _count(
    connection: Connection[Any],
    batch_id: int,
    rows: dict[str, int],
    amounts: dict[str, dict[str, Any]],
) -> None:
    """Note what the reversals left of a batch: its checks compare it with the source table."""
    texts = {
        name: {part: str(value) for part, value in sums.items()} for name, sums in amounts.items()
    }
    warehouse.query(
        connection, "trial/counts", batch_id, rows["accepted"], rows["quarantined"], Jsonb(texts)
    )


def _show_rows(connection: Connection[Any], feed: Contract, scratch: str) -> None:
    """Have views of the rows of another feed in the place of its empty tables, where it has rows."""
    for name in (f"{feed.feed}_current", feed.feed):
        columns = warehouse.columns(connection, f"source_{feed.source_system}", name)
        if not columns:
            continue
        kind = "view" if name != feed.feed else "table"
        given, shown = (
            sql.Identifier(f"source_{feed.source_system}", name),
            sql.Identifier(f"source_{scratch}", name),
        )
        connection.execute(sql.SQL(f"drop {kind} {{}} cascade").format(shown))
        connection.execute(sql.SQL("create view {} as select * from {}").format(shown, given))


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
    """The mappings beside a contract, or those of its source system."""
    beside = sorted((contract.file.parent / "mapping").glob(f"*__{contract.feed}.sql"))
    folder = settings.INCLUDE / "sql" / "mapping" / contract.source_system
    return beside or sorted(folder.glob("*.sql"))


def _checks(connection: Connection[Any], tried: Contract, source: str, batch_id: int) -> Checks:
    """The checks of a batch, as the gate would run them."""
    beside = tried.file.parent / "soda" / f"{tried.feed}.yml"
    own = settings.INCLUDE / "soda" / source / f"{tried.feed}.yml"
    try:
        outcomes = checks.try_batch(
            connection, tried, batch_id, source, beside if beside.is_file() else own
        )
    except checks.ScanBroken as error:
        return Checks(trouble=str(error))
    return Checks(tuple(outcomes))


def _targets(
    connection: Connection[Any], contract: Contract, scratch: str, batch_id: int
) -> Iterator[Target]:
    """What each mapping brings to the star; one that cannot be used stops no other."""
    adding = (contract.feed,) if contract.rows_are_transactions else ()
    files = mapping_files(contract)
    troubles: dict[str, str] = {}
    with mapping.lent(scratch, mapping.Lent(tuple(files), adding)):
        for target, stems in mapping.by_target(scratch).items():
            try:
                with warehouse.without_values(), connection.transaction():
                    _create_views(connection, contract, scratch, target, stems, files)
            except (warehouse.WarehouseError, UnknownLayoutError) as error:
                troubles[target] = str(error)
    usable = tuple(file for file in files if file.stem.partition("__")[0] not in troubles)
    with mapping.lent(scratch, mapping.Lent(usable, adding)):
        troubles |= star.try_load(connection, scratch, batch_id)
        mapped = mapping.targets(scratch)
    yield from (Target(target, trouble=why) for target, why in sorted(troubles.items()))
    for target in mapped:
        if target not in troubles:
            yield Target(target, star.tried_rows(connection, scratch, target, ROWS))


def _create_views(
    connection: Connection[Any],
    contract: Contract,
    scratch: str,
    target: str,
    stems: Sequence[str],
    files: Sequence[Path],
) -> None:
    schema = f"source_{scratch}"
    own = rf"\bsource_{re.escape(contract.source_system)}\b"
    for file in (file for file in files if file.stem in stems):
        text = re.sub(own, schema, warehouse.rendered(file))
        text = text.replace(
            f"'{contract.source_system}' as source_system", f"'{scratch}' as source_system"
        )
        select = mapping.whole(connection, scratch, file.stem, text, schema)
        view = sql.Identifier(schema, f"star_{file.stem}")
        connection.execute(sql.SQL("create view {} as {}").format(view, select))
    if list(stems) != [target]:
        mapping.create_union(connection, scratch, target, stems)


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
    yield from _checks_told(outcome.checks)
    if not outcome.targets:
        yield "star: there is no mapping"
    for target in outcome.targets:
        if target.rows is None:
            yield f"{target.name}: {target.trouble}"
            continue
        yield from _rows(target.rows, hide_values)


def _checks_told(found: Checks) -> Iterator[str]:
    if found.trouble:
        yield f"checks: they cannot be run. {found.trouble}"
        return
    others = [outcome for outcome in found.outcomes if outcome.outcome != "pass"]
    yield f"checks: {len(found.outcomes) - len(others)} of {len(found.outcomes)} passed"
    for outcome in others:
        yield f"  {outcome.outcome} {outcome.check_name}: {outcome.message}"
    if any(outcome.blocks for outcome in others):
        yield "  the batch would be held; this is what the star would have once somebody releases it:"


def _rows(rows: star.TriedRows, hide_values: bool) -> Iterator[str]:
    totals = "".join(f", {name} {value:,}" for name, value in rows.sums)
    inferred = f", {rows.inferred:,} of them named by facts alone" if rows.inferred else ""
    yield f"{rows.table}: {counted(rows.count, 'row')}{inferred}{totals}"
    if not hide_values and rows.first:
        yield f"  {' | '.join(rows.columns)}"
        for row in rows.first:
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
