"""Numbers by what makes the rows of a tile: read in parts, and put together.

A number has two parts, what is added up and what that is divided by, until the very end: so any sum of rows
is right, and a ratio is never averaged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from claimhouse.dashboards import model
from claimhouse.dashboards.answer import Mark, Row, Value
from claimhouse.dashboards.fields import Asked, Fields, Instead, NotShown
from claimhouse.dashboards.model import Measure, Source, Tile
from claimhouse.dashboards.selection import UNKNOWN, Selection
from claimhouse.dashboards.session import Session, statement
from claimhouse.reporting import metric_reports

# More groups than this are not read.
MOST_READ = 2_000
# What is added up, and what that is divided by; None where nothing is.
Part = tuple[Any, Any]
Key = tuple[str | None, ...]


@dataclass
class Groups:
    """What is read for a tile.

    Attributes:
        adds_up: of each measure, whether its rows add up to their total.
        rows: the parts of each measure, by the fields.
        total: of all rows, those that are not read included; None where there is no row.
        statements: what was asked of the warehouse, each with its parameters.
    """

    measures: tuple[Measure, ...]
    adds_up: tuple[bool, ...]
    rows: dict[Key, list[Part]] = field(default_factory=dict)
    total: list[Part] | None = None
    as_of: datetime | None = None
    notes: list[str] = field(default_factory=list)
    statements: list[tuple[str, list[Any]]] = field(default_factory=list)

    def ordered(self, tile: Tile) -> list[Key]:
        """The rows in the order of the tile: as it says, of a line by what is along it, else the largest first."""
        if tile.kind in ("line", "heat") or not self.measures:
            return sorted(self.rows, key=_by_fields)
        name, largest_first = tile.order or (self.measures[0].name, True)
        if name in tile.fields:
            place = tile.fields.index(name)
            return sorted(
                self.rows, key=lambda key: _by_fields(key[place:] + key), reverse=largest_first
            )
        place = [measure.name for measure in self.measures].index(name)

        def size(key: Key) -> tuple[Any, ...]:
            value = value_of(self.rows[key][place])
            if not isinstance(value, int | float | Decimal):
                return True, 0
            return False, -value if largest_first else value

        return sorted(sorted(self.rows, key=_by_fields), key=size)

    def row(self, key: Key) -> Row:
        """A row."""
        return Row(key, tuple(map(value_of, self.rows[key])))

    def total_row(self, width: int) -> Row | None:
        """The total of all rows."""
        if self.total is None:
            return None
        return Row((None,) * width, tuple(map(value_of, self.total)))

    def rest(self, shown: Sequence[Key], width: int) -> Row | None:
        """All rows but those that are shown; None where there are none, or they do not add up."""
        if self.total is None or not all(self.adds_up) or width != 1:
            return None
        parts: list[Part] = []
        left = [self.rows[key] for key in self.rows if key not in set(shown)]
        for place, whole in enumerate(self.total):
            if left and all(part[place][0] is None for part in left):
                parts.append((None, None))
                continue
            taken = [self.rows[key][place] for key in shown]
            parts.append(
                (
                    _less(whole[0], [part[0] for part in taken]),
                    _less(whole[1], [part[1] for part in taken]),
                )
            )
        return Row((None,) * width, tuple(map(value_of, parts)), is_rest=True)


def read(
    session: Session,
    fields: Fields,
    tile: Tile,
    chosen: Selection,
    text: str = "",
    *,
    from_rows: bool = False,
    most: int = MOST_READ,
) -> Groups:
    """Read the numbers of a tile; of several metrics, each is read by itself.

    Args:
        session: what is asked of the warehouse as the reader.
        fields: what the reader can ask for.
        tile: of a report with measures, or of metrics.
        chosen: which rows.
        text: what the first field must contain.
        from_rows: whether the rows of a report may tell a metric where no list of cuts has all that is asked for.
        most: how many groups of one metric, or of a report, the largest first.

    Raises:
        NotShown: it is not published by what is asked for.
    """
    if tile.source.report:
        return _of_report(session, fields, tile, chosen, text, most)
    of_each: dict[str, Groups] = {}
    of_reports: dict[tuple[str, tuple[str, ...]], dict[str, Instead]] = {}
    for name in tile.source.metrics:
        of_metric = replace(tile, source=Source((name,), None))
        try:
            of_each[name] = _of_metric(session, fields, of_metric, chosen, text, most)
        except NotShown:
            instead = fields.instead(of_metric, chosen) if from_rows else None
            if instead is None:
                raise
            of_reports.setdefault((instead.report, instead.chosen.fields), {})[name] = instead
    for metrics in of_reports.values():
        of_each |= _of_rows(session, fields, tile, metrics)
    return _together([of_each[name] for name in tile.source.metrics])


def count(session: Session, asked: Asked, text: str, most: int) -> dict[str, int]:
    """How many rows have each value of the first field, the most frequent first."""
    _contain(asked, text)
    rows = session.query(
        "dashboards/counts", *asked.values, relation=asked.relation,
        field=asked.fields[0], conditions=asked.conditions, most=most,
    )  # fmt: skip
    return {row["value"] or UNKNOWN: row["row_count"] for row in rows}


def value_of(part: Part) -> Value:
    """The number that two parts make."""
    numerator, denominator = part
    if denominator is None or isinstance(numerator, Mark):
        return numerator  # type: ignore[no-any-return]
    return (
        Decimal(numerator) / Decimal(denominator) if denominator and numerator is not None else None
    )


def _of_metric(
    session: Session, fields: Fields, tile: Tile, chosen: Selection, text: str, most: int
) -> Groups:
    metric = metric_reports.known()[tile.source.metrics[0]]
    adds_up = metric.kind not in metric_reports.NOT_ADDITIVE
    asked = fields.ask(tile, tile.fields, chosen)
    ratio = metric.kind == "ratio"
    part = {
        "numerator": "sum(t.numerator)"
        if adds_up
        else "case when count(*) = 1 then min(t.value) end",
        "denominator": "sum(t.denominator)" if ratio else None,
    }
    # A level has no sum over its days: their rows have no total, and without rows of days the newest one counts.
    is_along_days = metric.not_across is not None and metric.not_across in tile.fields
    adds_up = adds_up and not is_along_days
    groups = Groups(tuple(model.metrics_of([metric.name]).values()), (adds_up,))
    newest = None if is_along_days else metric.not_across
    if newest:
        groups.notes.append(f"As of the newest {newest.replace('_', ' ')} of the period.")
    unknown = "sum(t.unknown_count)" if metric.unknown else None
    _filled(session, groups, tile, asked, [part], text, newest, unknown, most=most)
    if is_along_days:
        groups.total = None
    return groups


def _of_rows(
    session: Session, fields: Fields, tile: Tile, metrics: Mapping[str, Instead]
) -> dict[str, Groups]:
    """Metrics as the same rows of a report tell them, read at once; each by its name."""
    first, *_ = metrics.values()
    measures = tuple(instead.measure for instead in metrics.values())
    of_report = replace(tile, source=Source((), first.report), measures=measures)
    together = _of_report(session, fields, of_report, first.chosen, "", MOST_READ)
    found = {}
    for place, name in enumerate(metrics):
        # A metric of some facts has no row where there is none of these.
        is_of_some = metric_reports.known()[name].filter is not None
        total = together.total and [together.total[place]]
        found[name] = replace(
            together,
            measures=tuple(model.metrics_of([name]).values()),
            adds_up=(True,),
            rows={
                key: [parts[place]]
                for key, parts in together.rows.items()
                if not is_of_some or parts[place][0] is not None
            },
            total=None if is_of_some and total and total[0][0] is None else total,
            statements=together.statements if place == 0 else [],
        )
    return found


def _of_report(
    session: Session, fields: Fields, tile: Tile, chosen: Selection, text: str, most: int
) -> Groups:
    report = tile.source.report or ""
    described = model.known_reports()[report].measures
    asked = fields.ask(tile, tile.fields, chosen)
    groups = Groups(
        tuple(model.measures_of(tile.source, tile.measures).values()),
        tuple("distinct" not in described[name] for name in tile.measures),
    )
    parts = [_in_sql(described[name]) for name in tile.measures]
    as_of = "as_of" in fields.columns(report)
    return _filled(session, groups, tile, asked, parts, text, has_as_of=as_of, most=most)


def _in_sql(measure: Any) -> dict[str, str | None]:
    if "distinct" in measure:
        return {"numerator": f"count(distinct t.{measure['distinct']})", "denominator": None}
    if "sum" not in measure:
        return {"numerator": "count(*)", "denominator": None}
    over, less = measure.get("over"), measure.get("less")
    sum_of = f"sum(t.{measure['sum']})" + (f" - sum(t.{less})" if less else "")
    return {"numerator": sum_of, "denominator": over and f"sum(t.{over})"}


def _filled(
    session: Session, groups: Groups, tile: Tile, asked: Asked,
    parts: list[dict[str, str | None]], text: str, newest: str | None = None,
    unknown: str | None = None, *, has_as_of: bool = True, most: int = MOST_READ,
) -> Groups:  # fmt: skip
    _contain(asked, text)
    is_along = tile.kind in ("line", "heat")
    names = {
        "relation": asked.relation, "fields": asked.fields, "conditions": asked.conditions,
        "quotients": parts, "newest": newest, "unknown": unknown, "has_as_of": has_as_of,
        "most": most + 1,
        "order": "1 desc nulls last" if is_along else "numerator_0 desc nulls last",
    }  # fmt: skip
    groups.statements.append((statement("dashboards/groups", **names), asked.values))
    rows = session.query("dashboards/groups", *asked.values, **names)
    for row in rows:
        read_parts = [
            (row[f"numerator_{number}"], row[f"denominator_{number}"])
            for number in range(len(parts))
        ]
        if row["is_total"]:
            groups.total = read_parts if row["row_count"] else None
            groups.as_of = row["as_of"]
            if row["unknown_count"]:
                groups.notes.append(
                    f"{row['unknown_count']:,} are on neither side: what decides it is missing, or no known word."
                )
        else:
            key = tuple(_text(row[f"field_{number}"]) for number in range(len(asked.fields)))
            groups.rows[key] = read_parts
    return groups


def _together(of_each: Sequence[Groups]) -> Groups:
    """Several measures of the same fields as one."""
    if len(of_each) == 1:
        return of_each[0]
    together = Groups(
        tuple(measure for groups in of_each for measure in groups.measures),
        tuple(adds_up for groups in of_each for adds_up in groups.adds_up),
        as_of=min((groups.as_of for groups in of_each if groups.as_of), default=None),
        notes=list(dict.fromkeys(note for groups in of_each for note in groups.notes)),
        statements=[statement for groups in of_each for statement in groups.statements],
    )
    nothing: Part = (None, None)
    for key in dict.fromkeys(key for groups in of_each for key in groups.rows):
        together.rows[key] = [groups.rows.get(key, [nothing])[0] for groups in of_each]
    if any(groups.total for groups in of_each):
        together.total = [(groups.total or [nothing])[0] for groups in of_each]
    return together


def _contain(asked: Asked, text: str) -> None:
    """Ask for the rows whose first field contains a text."""
    if text:
        escaped = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        asked.add(f"{asked.fields[0]}::text", "ilike", f"%{escaped}%")


def _less(whole: Any, taken: Sequence[Any]) -> Any:
    return None if whole is None else whole - sum(value for value in taken if value is not None)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _by_fields(key: Key) -> tuple[Any, ...]:
    return tuple((value is None, value or "") for value in key)
