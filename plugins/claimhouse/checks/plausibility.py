"""Checks of what is plausible, which every feed gets from the kinds of its columns.

The rules are those of ``include/plausibility.yaml``. All numbers of a batch come from one query over its
rows; rows are looked for where a number says that some are wrong. Soda has no part in it: reading thirty
checks of a feed takes Soda longer than all of this takes, and a transaction that is rolled back
(``claimhouse try``) can be asked too.
"""

from __future__ import annotations

import functools
import itertools
import operator
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.rows import dict_row

from claimhouse import verification, warehouse
from claimhouse.checks.outcomes import Batch
from claimhouse.checks.soda import COUNT_COLUMN, Measured
from claimhouse.contracts import Column, Contract, Rule, rules
from claimhouse.severity import WARNING

CONDITIONS = "plausibility/conditions.jinja"
# What a rule of a column says of how many values; its message goes on.
COUNTED = (
    "{{failing_rows}} of {{of_rows}} {{of_rows:value|values}} of {columns} ({{share}}%) {message}"
)
WARNS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    ">": operator.gt,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class _Concerned:
    """A rule and the columns of a feed that it concerns, which differ by a number at their end alone.

    Attributes:
        needs: the columns that each of them needs, by the rule's names for them.
    """

    rule: Rule
    columns: tuple[Column, ...]
    needs: tuple[dict[str, Column | None], ...]

    @property
    def name(self) -> str:
        """The name of the check."""
        return f"{_stem(self.columns)}_{self.rule.name}"

    @property
    def words(self) -> str:
        """The columns in a message."""
        first, last = self.columns[0].name, self.columns[-1].name
        return first if len(self.columns) == 1 else f"{first} to {last}"


@dataclass(frozen=True)
class _Check:
    """A check of a batch.

    Attributes:
        number: SQL of what it measures: an aggregate over the batch's rows, or a query of its own.
        is_aggregate: which of the two.
        rows: gives the query of rows that are wrong; None where there is none.
        warn: the numbers at which it warns.
        message: its sentence, see :func:`claimhouse.checks.outcomes.message`.
        meaning: what it looks for.
    """

    name: str
    number: str
    is_aggregate: bool
    rows: Callable[[], str] | None
    warn: str
    message: str
    meaning: str

    def warns(self, number: float | None) -> bool:
        """Whether it warns at what it measured."""
        sign, limit = self.warn.split()
        return number is not None and WARNS[sign](number, float(limit))


def measure(connection: Connection[Any], contract: Contract, batch: Batch) -> list[Measured]:
    """What is implausible in *batch*, by each rule that its contract does not turn off.

    A rule whose SQL fails measures nothing, and says so; the others go on.

    Args:
        connection: to the warehouse, in a transaction that sees the rows of the batch.
        contract: the feed's.
        batch: the batch; its table is ``source_<source system>.<feed>``.
    """
    checks = [*_of_columns(contract, batch), *_of_feed(contract, batch)]
    together = [check for check in checks if check.is_aggregate]
    with connection.transaction():
        # A list that does not fit is searched from its beginning for each row.
        connection.execute("set local work_mem = '64MB'")
        try:
            numbers = _numbers(connection, contract, batch, together)
        except warehouse.WarehouseError:
            numbers = {}
        return [_measured(connection, contract, batch, check, numbers) for check in checks]


def _measured(
    connection: Connection[Any],
    contract: Contract,
    batch: Batch,
    check: _Check,
    numbers: dict[str, float | None],
) -> Measured:
    problem, examples, number = "", [], numbers.get(check.name)
    try:
        if check.name not in numbers:
            number = _numbers(connection, contract, batch, [check])[check.name]
        if check.warns(number) and check.rows:
            examples = _rows(connection, check.rows())
    except warehouse.WarehouseError as error:
        problem = str(error)
    counts = [row.pop(COUNT_COLUMN) for row in examples if COUNT_COLUMN in row]
    failing = counts[0] if counts else round(number or 0) if check.rows else None
    return Measured(
        name=check.name,
        table=contract.feed,
        definition=check.meaning,
        severity=WARNING,
        outcome="error" if problem else "warn" if check.warns(number) else "pass",
        value=number,
        failing_rows=failing,
        attributes={"message": check.message},
        examples=examples,
        problem=problem,
    )


def _numbers(
    connection: Connection[Any], contract: Contract, batch: Batch, checks: Sequence[_Check]
) -> dict[str, float | None]:
    """What each of *checks* measures: aggregates together in one query, or one check alone."""
    if not checks:
        return {}
    query = checks[0].number
    if checks[0].is_aggregate:
        query = warehouse.sql(
            "checks/implausible_numbers",
            source=contract.source_system,
            feed=contract.feed,
            batch_id=batch.batch_id,
            numbers=[check.number for check in checks],
        )
    (row,) = _rows(connection, query)
    found = (None if number is None else float(number) for number in row.values())
    return dict(zip((check.name for check in checks), found, strict=True))


def _rows(connection: Connection[Any], query: str) -> list[dict[str, Any]]:
    """The rows of a query, whose failure leaves the transaction as it was."""
    with (
        warehouse.without_values(),
        connection.transaction(),
        connection.cursor(row_factory=dict_row) as cursor,
    ):
        return cursor.execute(query.encode()).fetchall()


def _of_feed(contract: Contract, batch: Batch) -> Iterator[_Check]:
    """The checks of a batch as a whole."""
    for rule in _rules(contract):
        needs = _needs(rule, contract, None)
        if rule.kinds or needs is None:
            continue
        names = {
            "source": contract.source_system,
            "feed": contract.feed,
            "batch_id": batch.batch_id,
            "record_key": verification.names(contract)["record_key"],
            "same": contract.of_kinds(*rule.same),
            **{name: column.name for name, column in needs.items() if column},
        }
        rows = rule.sql.get("rows")
        yield _Check(
            name=rule.name,
            number=warehouse.sql(f"plausibility/{rule.sql['number']}", **names),
            is_aggregate=False,
            rows=functools.partial(warehouse.sql, f"plausibility/{rows}", **names)
            if rows
            else None,
            warn=rule.warn,
            message=rule.message,
            meaning=rule.meaning,
        )


def names(contract: Contract) -> list[str]:
    """The names of the checks that a feed gets."""
    of_whole = [
        rule.name
        for rule in _rules(contract)
        if not rule.kinds and _needs(rule, contract, None) is not None
    ]
    return [*(found.name for found in _concerned(contract)), *of_whole]


def _rules(contract: Contract) -> Iterator[Rule]:
    """The rules that hold for a feed, as far as its contract turns none off."""
    for rule in rules().values():
        is_off = rule.name in contract.unchecked
        if not is_off and not (rule.is_of_states and contract.rows_are_transactions):
            yield rule


def _concerned(contract: Contract) -> Iterator[_Concerned]:
    """Each rule of columns with the columns that it concerns."""
    for rule in _rules(contract):
        groups: dict[str, list[tuple[Column, dict[str, Column | None]]]] = {}
        for column in contract.columns:
            if column.kind not in rule.kinds or rule.name in column.unchecked:
                continue
            needs = _needs(rule, contract, column)
            if needs is not None:
                groups.setdefault(_numberless(column.name), []).append((column, needs))
        for group in groups.values():
            columns, of_columns = zip(*group, strict=True)
            yield _Concerned(rule, columns, of_columns)


def _needs(
    rule: Rule, contract: Contract, column: Column | None
) -> dict[str, Column | None] | None:
    """The columns that a rule needs beside *column*, by its names for them; None where one is missing."""
    found: dict[str, Column | None] = {}
    for name, kinds in (rule.needs | rule.may_need).items():
        others = contract.of_kinds(*kinds)
        found[name] = _nearest(column, others) if others else None
    return None if any(found[name] is None for name in rule.needs) else found


def _nearest(column: Column | None, others: Sequence[Column]) -> Column:
    """The column whose name begins most like that of *column*: of a provider's ZIP code, the provider's state."""
    if column is None:
        return others[0]
    words = column.name.split("_")

    def shared(other: Column) -> int:
        pairs = zip(words, other.name.split("_"), strict=False)
        return len(list(itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)))

    return max(others, key=shared)


def _of_columns(contract: Contract, batch: Batch) -> Iterator[_Check]:
    """The checks of columns."""
    for found in _concerned(contract):
        places = range(len(found.columns))
        wrong = [_expression(found, place, contract, batch, "wrong") for place in places]
        if "any" in found.rule.sql:
            numbers = [_expression(found, place, contract, batch, "any") for place in places]
        else:
            numbers = [f"count(*) filter (where {condition})" for condition in wrong]
        yield _Check(
            name=found.name,
            number=" + ".join(numbers),
            is_aggregate=True,
            rows=functools.partial(_wrong_rows, found, contract, batch, wrong),
            warn="> 0",
            message=COUNTED.format(columns=found.words, message=found.rule.message),
            meaning=found.rule.meaning,
        )


def _wrong_rows(
    found: _Concerned, contract: Contract, batch: Batch, conditions: Sequence[str]
) -> str:
    """The query of the values that are wrong."""
    shown = {other.name for needs in found.needs for other in needs.values() if other}
    own = {*contract.key, *(column.name for column in found.columns)}
    return warehouse.sql(
        "checks/implausible_rows",
        source=contract.source_system,
        feed=contract.feed,
        batch_id=batch.batch_id,
        record_key=verification.names(contract)["record_key"],
        shown=sorted(shown - own),
        values=[
            {"column": column.name, "condition": condition}
            for column, condition in zip(found.columns, conditions, strict=True)
        ],
        is_counted="any" in found.rule.sql,
    )


def _expression(found: _Concerned, place: int, contract: Contract, batch: Batch, part: str) -> str:
    """One of a rule's macros, written for a column."""
    column, needs = found.columns[place], found.needs[place]
    return warehouse.expression(
        CONDITIONS,
        found.rule.sql[part],
        value=f"t__.{column.name}",
        column=column.name,
        type=column.type,
        received_date=batch.received_date.isoformat(),
        table=f"source_{contract.source_system}.{contract.feed}",
        batch_id=str(batch.batch_id),
        **{name: _day_or_value(other) for name, other in needs.items()},
    )


def _day_or_value(column: Column | None) -> str:
    """A column that a rule needs, as SQL: its value, the day of a time, NULL where there is none."""
    if column is None:
        return "null"
    value = f"t__.{column.name}"
    return f"({value} at time zone 'UTC')::date" if column.type == "timestamp" else value


def _numberless(name: str) -> str:
    return re.sub(r"_?\d+$", "", name)


def _stem(columns: Sequence[Column]) -> str:
    return columns[0].name if len(columns) == 1 else _numberless(columns[0].name)
