"""How long readers wait: every question that a dashboard asks, of each report and metric, as its own reader.

    python -m bench.reading                       10 million claims; a warehouse that was kept is used again
    python -m bench.reading --claims 200000       another size; each has a database of its own, which is kept
    python -m bench.reading --new                 fills and publishes the warehouse anew
    python -m bench.reading --plans               also prints the plans of slow questions
    python -m bench.reading --only claims_to_handle

Questions follow from the columns of a report and their types: totals by month, one month by another
column, one value of each column, values to choose from, the largest amounts, one row, and all rows by
pages. Those of a metric are asked of each of its grains. Totals of more than 100,000 rows are
listed apart: a dashboard asks a metric for them. So are reports that read the star as it is. Each
question is asked several times, on a session of the reader's login. Plans are made with the owner's
session, which takes the reader's role.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg import sql

from bench import publication, warehouse

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "include" / "sql" / "examples"
CLAIMS = 10_000_000
# The targets of the project, in milliseconds: of 95 in 100 questions, and of each.
MOST_MOSTLY, MOST = 300.0, 1000.0
# An example that returns more rows may take longer.
MOST_ROWS = 100_000
PAGE = 1000
# How many values, months and rows are asked for by each question of its kind.
SAMPLES = 2
NUMBERS = ("numeric", "bigint", "integer", "double precision")


@dataclass(frozen=True)
class Question:
    """A statement that a dashboard sends, and what it is for.

    Attributes:
        counts: the place of the count of rows in what it returns, where it adds rows up.
        is_of_sums: whether it wants the largest of the sums of all groups.
    """

    kind: str
    statement: sql.Composed
    values: tuple[Any, ...] = ()
    counts: int | None = None
    is_of_sums: bool = False


@dataclass
class Relation:
    """A view that a reader reads.

    Attributes:
        columns: the types of its columns, by name and in order.
        key: those that tell its rows apart, as far as the reader sees them.
        has_sums: whether its rows are sums of groups of facts.
        is_live: whether it reads the star, and not what was published.
    """

    name: str
    columns: dict[str, str]
    key: tuple[str, ...] = ()
    has_sums: bool = False
    is_live: bool = False

    def of_type(self, *kinds: str) -> list[str]:
        """The columns of some types, without the moment of the edition."""
        return [
            column
            for column, kind in self.columns.items()
            if kind.split("(")[0] in kinds and column != "as_of"
        ]


@dataclass(frozen=True)
class Answer:
    """How long a question took, in milliseconds of the clock and of the reader's process.

    Attributes:
        added_up: how many rows of the report the answer is a total of.
        is_live: whether it is an answer of the star.
    """

    question: Question
    milliseconds: float
    processor: float
    rows: int
    added_up: int = 0
    is_live: bool = False

    @property
    def is_total(self) -> bool:
        """Whether the answer is a total of many rows, for which a dashboard asks a metric."""
        return self.added_up > MOST_ROWS or self.question.is_of_sums


def main() -> None:
    """Parse the arguments, ask, print the tables."""
    parser = argparse.ArgumentParser(prog="bench.reading", description=__doc__.splitlines()[0])
    parser.add_argument("--claims", type=int, default=CLAIMS)
    parser.add_argument("--new", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--plans", action="store_true")
    options = parser.parse_args()
    address = prepared(options.claims, is_new=options.new)
    report(address, options.only, options.runs, with_plans=options.plans)


def prepared(claims: int, *, is_new: bool = False) -> str:
    """The URL of a published warehouse with *claims* claims."""
    name = f"bench_reading_{claims}"
    address = None if is_new else warehouse.url(name)
    if address is None:
        address = warehouse.create(name)
        with psycopg.connect(address, autocommit=True) as connection:
            warehouse.fill(connection, claims)
            cost = publication.publish(connection)
            print(f"first publication: {cost.seconds:.0f} s, {cost.rows:,} rows")
            connection.execute("vacuum analyze")
    os.environ["WAREHOUSE_URL"] = address
    return address


def report(address: str, only: str, runs: int, *, with_plans: bool) -> list[Answer]:
    """Ask everything, and print how long it took."""
    answers: list[Answer] = []
    slow: list[tuple[str, Relation, Answer]] = []
    figures = f"{'asked':>6}{'p50':>6}{'p95':>6}{'max':>6}{'cpu':>6}"
    print(
        f"milliseconds; cpu: p95 of the processor of the reader's process{'of rows':>23}{'totals':>30}"
    )
    print(f"{'reader':<32}{'report':<32}{'rows':>11}{figures}{figures}")
    with psycopg.connect(address, autocommit=True) as owner:
        for login, role, relation in readers(owner, only):
            with session(address, role) as connection:
                asked = [
                    replace(answer, is_live=relation.is_live)
                    for answer in ask(connection, relation, runs)
                ]
                rows = count(connection, relation)
            of_rows, totals = ([a for a in asked if a.is_total == which] for which in (False, True))
            line = f"{login[:31]:<32}{relation.name[:31]:<32}{rows:>11,}"
            print(line + _figures(of_rows) + _figures(totals), flush=True)
            slow += [(role, relation, a) for a in asked if a.milliseconds > MOST_MOSTLY]
            answers += asked
        if not only or only == "examples":
            answers += examples(address)
        _summary(answers)
        for role, relation, answer in slow:
            print(
                f"\n{answer.milliseconds:.0f} ms, {relation.name}, {answer.question.kind}, {answer.rows:,} rows"
            )
            print(f"  {answer.question.statement.as_string(owner)} {answer.question.values}")
            if with_plans:
                print("\n".join(plan(owner, role, answer.question)))
    return answers


def readers(owner: psycopg.Connection[Any], only: str = "") -> Iterator[tuple[str, str, Relation]]:
    """Each relation with the login of somebody who reads it and its role; readers with the same rows once."""
    from claimhouse.reporting import reports

    known = {name: reports.load(name) for name in reports.names()}
    rows = owner.execute(
        "select distinct on (r.report, l.audience) l.login, l.role_name, r.report from security.login as l"
        " join security.client as c using (client) cross join unnest(c.reports) as r (report)"
        " where to_regclass('reporting.' || r.report) is not null"
        " order by r.report, l.audience, l.login desc"
    ).fetchall()
    for login, role, name in rows:
        if only in ("", name):
            columns = columns_of(owner, name)
            key = known[name].key if name in known else ("source_system", "cuts")
            if name in known and not key:
                key = _key_of_fact(owner, name, known[name].of)
            if name.startswith("metric_") and name != "metric_catalog":
                key = (*key, *_cuts(columns))
            shown = tuple(column for column in key if column in columns)
            has_sums = name in known and bool(known[name].sums)
            is_live = name in known and known[name].is_live
            yield login, role, Relation(name, columns, shown, has_sums, is_live)


def columns_of(owner: psycopg.Connection[Any], name: str) -> dict[str, str]:
    """The types of a report's columns, by name."""
    return dict(
        owner.execute(
            "select attname, format_type(atttypid, null) from pg_attribute"
            " where attrelid = %s::regclass and attnum > 0 order by attnum",
            (f"reporting.{name}",),
        ).fetchall()
    )


def _cuts(columns: dict[str, str]) -> list[str]:
    names = list(columns)
    return names[names.index("cuts") + 1 : names.index("numerator")]


def _key_of_fact(owner: psycopg.Connection[Any], name: str, fact: str | None) -> tuple[str, ...]:
    """The primary key of the fact of which the report has the rows."""
    of = fact or {
        "identified_claims": "fact_claim",
        "claims_to_handle": "fact_claim",
        "identified_pended_claims": "fact_pended_claim",
        "identified_encounters": "fact_encounter",
        "identified_appointments": "fact_appointment",
        "identified_surveys": "fact_survey",
    }.get(name, "")
    return tuple(
        row[0]
        for row in owner.execute(
            "select a.attname from pg_constraint c cross join lateral unnest(c.conkey) with ordinality k (n, p)"
            " join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.n"
            " where c.conrelid = to_regclass(%s) and c.contype = 'p' order by k.p",
            (f"star.{of}",),
        )
    )


def session(address: str, role: str) -> psycopg.Connection[Any]:
    """A session of a reader's login."""
    connection = psycopg.connect(address, autocommit=True)
    connection.execute(sql.SQL("set session authorization {}").format(sql.Identifier(role)))
    # Statements of a dashboard are not prepared: their values are in their text.
    connection.prepare_threshold = None
    return connection


def count(connection: psycopg.Connection[Any], relation: Relation) -> int:
    """How many rows the reader sees."""
    statement = sql.SQL("select count(*) from {}").format(_view(relation))
    return int(connection.execute(statement).fetchone()[0])  # type: ignore[index]


def ask(connection: psycopg.Connection[Any], relation: Relation, runs: int = 1) -> Iterator[Answer]:
    """Ask all questions of a relation."""
    server = psutil.Process(connection.info.backend_pid)
    for question in questions(connection, relation):
        for _ in range(runs):
            before, started = _processor(server), time.perf_counter()
            rows = _ask(connection, question)
            seconds = time.perf_counter() - started
            place = question.counts
            added_up = 0 if place is None else sum(row[place] for row in rows)
            processor = 1000 * (_processor(server) - before)
            yield Answer(question, 1000 * seconds, processor, len(rows), added_up)


def _ask(connection: psycopg.Connection[Any], question: Question) -> list[tuple[Any, ...]]:
    # A client that binds on its own side sends values in the text, as most dashboards do.
    with psycopg.ClientCursor(connection) as cursor:
        return cursor.execute(question.statement, question.values).fetchall()


def questions(connection: psycopg.Connection[Any], relation: Relation) -> list[Question]:
    """What a dashboard asks of a relation; of a metric, about each of its grains."""
    if "cuts" in relation.columns:
        found = connection.execute(
            sql.SQL("select distinct cuts from {}").format(_view(relation))
        ).fetchall()
        return [
            question
            for (grain,) in sorted(found)
            for question in _of_grain(connection, relation, grain)
        ]
    return _of_rows(connection, relation, sql.SQL("true"), (), relation.of_type("text", "boolean"))


def _of_grain(
    connection: psycopg.Connection[Any], relation: Relation, grain: str
) -> list[Question]:
    cuts = [cut for cut in grain.split(", ") if cut]
    narrowed = Relation(
        relation.name,
        {
            column: kind
            for column, kind in relation.columns.items()
            if column in (*cuts, "numerator", "denominator", "value", "source_system")
        },
        tuple(column for column in relation.key if column in (*cuts, "source_system")),
    )
    where = sql.SQL("cuts = %s")
    whole = Question("grain", sql.SQL("select * from {} where {} limit {}").format(
        _view(relation), where, sql.Literal(PAGE)), (grain,))  # fmt: skip
    return [
        whole,
        *_of_rows(
            connection,
            narrowed,
            where,
            (grain,),
            [c for c in cuts if relation.columns[c] == "text"],
        ),
    ]


def _of_rows(
    connection: psycopg.Connection[Any],
    relation: Relation,
    where: sql.Composable,
    values: tuple[Any, ...],
    texts: Sequence[str],
) -> list[Question]:
    view, asked = _view(relation), []
    name = sql.Identifier
    sample = connection.execute(
        sql.SQL("select {} from {} where {} limit 5000").format(
            sql.SQL(", ").join(map(name, relation.columns)), view, where
        ),
        values,
    ).fetchall()
    if not sample:
        return []
    rows = [
        dict(zip(relation.columns, row, strict=True))
        for row in sample[:: max(len(sample) // SAMPLES, 1)][:SAMPLES]
    ]
    amounts = _amounts(relation)
    total = sql.SQL(", ").join(
        [sql.SQL("count(*)")] + [sql.SQL("sum({})").format(name(a)) for a in amounts[:2]]
    )
    months = [c for c in texts if c.endswith(("_month", "_quarter", "quarter"))]
    days = relation.of_type("date")
    others = [c for c in texts if c not in months and c not in relation.key[:0]]
    by = _few(sample, relation, others)
    for column in months:
        asked.append(Question(f"by {column}", sql.SQL(
            "select {0}, {1} from {2} where {3} group by {0} order by {0}"
        ).format(name(column), total, view, where), values, 1))  # fmt: skip
        asked += [
            Question(f"one {column} by {by}", sql.SQL(
                "select {0}, {1} from {2} where {3} and {4} = %s group by {0} order by 2 desc"
            ).format(name(by), total, view, where, name(column)), (*values, row[column]), 1)
            for row in rows if by and row[column] is not None
        ]  # fmt: skip
    for column in days:
        asked.append(Question(f"by month of {column}", sql.SQL(
            "select date_trunc('month', {0}), {1} from {2} where {3} group by 1 order by 1"
        ).format(name(column), total, view, where), values, 1))  # fmt: skip
        asked += [
            Question(f"one month of {column} by {by}", sql.SQL(
                "select {0}, {1} from {2} where {3} and {4} >= %s and {4} < %s group by {0} order by 2 desc"
            ).format(name(by), total, view, where, name(column)),
                (*values, row[column].replace(day=1), _next_month(row[column])), 1)
            for row in rows if by and row[column] is not None
        ]  # fmt: skip
    for column in others:
        asked += [
            Question(f"one {column}", sql.SQL(
                "select {0} from {1} where {2} and {3} = %s"
            ).format(total, view, where, name(column)), (*values, row[column]), 0)
            for row in rows if row[column] is not None
        ]  # fmt: skip
        asked += [
            Question(f"choice of {column}", sql.SQL(
                "select {0}, count(*) from {1} where {2} and {0} like %s group by {0} order by 2 desc limit 20"
            ).format(name(column), view, where), (*values, _start_of(row[column])), 1)
            for row in rows[:1] if isinstance(row[column], str)
        ]  # fmt: skip
    asked += [
        Question(f"top 30 by {column}", sql.SQL(
            "select * from {0} where {1} order by {2} desc limit 30"
        ).format(view, where, name(column)), values, is_of_sums=relation.has_sums)
        for column in amounts
    ]  # fmt: skip
    return asked + _by_key(relation, where, values, rows)


def _by_key(
    relation: Relation, where: sql.Composable, values: tuple[Any, ...], rows: list[dict[str, Any]]
) -> list[Question]:
    """One row, and pages of all rows: the first, one amid and the last."""
    key = list(relation.key)
    if not key:
        return []
    view, listed = _view(relation), sql.SQL(", ").join(map(sql.Identifier, key))
    backwards = sql.SQL(", ").join(sql.SQL("{} desc").format(sql.Identifier(c)) for c in key)
    page = sql.SQL("select * from {} where {} and {} order by {} limit {}")
    asked = [
        Question("first page", page.format(view, where, sql.SQL("true"), listed, PAGE), values),
        Question("last page", page.format(view, where, sql.SQL("true"), backwards, PAGE), values),
    ]
    for row in rows:
        of_key = tuple(row[column] for column in key)
        equals = sql.SQL(" and ").join(
            sql.SQL("{} is not distinct from %s" if row[c] is None else "{} = %s").format(sql.Identifier(c))
            for c in key
        )  # fmt: skip
        asked.append(Question("one row", sql.SQL(
            "select * from {} where {} and {}").format(view, where, equals), (*values, *of_key)))  # fmt: skip
        if None not in of_key:
            after = sql.SQL("({}) > ({})").format(
                listed, sql.SQL(", ").join([sql.Placeholder()] * len(key))
            )
            asked.append(
                Question(
                    "page amid", page.format(view, where, after, listed, PAGE), (*values, *of_key)
                )
            )
    return asked


def _amounts(relation: Relation) -> list[str]:
    return [
        column
        for column in relation.of_type(*NUMBERS)
        if not column.endswith(("_year", "position", "_number", "_id"))
        and column not in relation.key
    ]


def _few(sample: list[Any], relation: Relation, columns: Sequence[str]) -> str | None:
    """The column whose values are fewest, but not one alone: what a dashboard groups by."""
    places = {column: place for place, column in enumerate(relation.columns)}
    several = {c: len({row[places[c]] for row in sample}) for c in columns}
    preferred = [c for c, many in several.items() if many > 1 and "specialty" in c]
    left = preferred or [c for c, many in several.items() if many > 1]
    return min(left, key=several.__getitem__, default=None)


def _start_of(value: str) -> str:
    return value[: max(3, len(value) // 2)].replace("%", "").replace("_", r"\_") + "%"


def _next_month(day: Any) -> Any:
    return day.replace(year=day.year + day.month // 12, month=day.month % 12 + 1, day=1)


def _view(relation: Relation) -> sql.Identifier:
    return sql.Identifier("reporting", relation.name)


def examples(address: str) -> list[Answer]:
    """The examples for data scientists, as one of them."""
    asked = []
    print(f"\n{'example':<58}{'rows':>11}{'ms':>7}{'cpu':>7}")
    with session(address, _reader_of_the_star(address)) as connection:
        server = psutil.Process(connection.info.backend_pid)
        for file in sorted(EXAMPLES.glob("*.sql")):
            question = Question(file.stem, sql.SQL(file.read_text()).format())  # type: ignore[arg-type]
            answers = []
            for _ in range(2):
                before, started = _processor(server), time.perf_counter()
                # All rows are made, and one is fetched: what a client does with them is not measured.
                with connection.transaction(), connection.cursor() as cursor:
                    rows = cursor.execute(
                        sql.SQL(
                            "select count(*) from (select q.* from ({}) as q offset 0) as q"
                        ).format(question.statement)
                    ).fetchone()[0]  # type: ignore[index]
                seconds = time.perf_counter() - started
                answers.append(
                    Answer(
                        question,
                        1000 * seconds,
                        1000 * (_processor(server) - before),
                        rows,
                        is_live=True,
                    )
                )
            best = min(answers, key=lambda answer: answer.milliseconds)
            print(f"{file.stem:<58}{rows:>11,}{best.milliseconds:>7.0f}{best.processor:>7.0f}")
            asked += [best] if rows <= MOST_ROWS else []
    return asked


def _reader_of_the_star(address: str) -> str:
    """The role of a data scientist, or else of anybody who reads the star."""
    with psycopg.connect(address) as owner:
        found = owner.execute(
            "select l.role_name from security.login as l join security.client as c using (client)"
            " where 'star' = any(c.schemas) order by c.client = 'staff_data_scientist' desc, l.login limit 1"
        )
        return str(found.fetchone()[0])  # type: ignore[index]


def plan(owner: psycopg.Connection[Any], role: str, question: Question) -> list[str]:
    """The plan of a question, made by the owner as the reader's role."""
    owner.prepare_threshold = None
    with owner.transaction(force_rollback=True), psycopg.ClientCursor(owner) as cursor:
        owner.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        cursor.execute(
            sql.SQL("explain (analyze, buffers) {}").format(question.statement), question.values
        )
        return [f"    {line}" for (line,) in cursor.fetchall()]


def _figures(asked: Sequence[Answer]) -> str:
    if not asked:
        return f"{0:>6}{'':>24}"
    times = [answer.milliseconds for answer in asked]
    processor = _percentile([answer.processor for answer in asked], 95)
    middle, mostly = statistics.median(times), _percentile(times, 95)
    return f"{len(asked):>6}{middle:>6.0f}{mostly:>6.0f}{max(times):>6.0f}{processor:>6.0f}"


def _summary(answers: Sequence[Answer]) -> None:
    print()
    for title, of_title in (
        ("questions of rows", lambda answer: not answer.is_total and not answer.is_live),
        (
            f"totals of more than {MOST_ROWS:,} rows",
            lambda answer: answer.is_total and not answer.is_live,
        ),
        ("questions of the star", lambda answer: answer.is_live),
    ):
        times = [answer.milliseconds for answer in answers if of_title(answer)]
        if times:
            print(f"{len(times):,} {title}: 95th percentile {_percentile(times, 95):.0f} ms, target"
                  f" {MOST_MOSTLY:.0f}; longest {max(times):.0f} ms, target {MOST:.0f}")  # fmt: skip


def _percentile(values: Sequence[float], percent: int) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


def _processor(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    main()
