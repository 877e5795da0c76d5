"""A sheet of a workbook shows what its tile shows on the page, to the same reader, whatever is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from tests.dashboards import tableau_numbers
from tests.worlds.client_world import role_of

from claimhouse import warehouse
from claimhouse.dashboards import model
from claimhouse.dashboards.answer import Answer, Mark
from claimhouse.dashboards.model import Dashboard
from claimhouse.dashboards.read import Reading
from claimhouse.dashboards.selection import UNKNOWN, Selection
from claimhouse.dashboards.tableau import catalog, fields, files, sheets
from claimhouse.reporting import metric_reports, readers

PEOPLE = {reader.name: reader for reader in readers.load_all()}
DASHBOARDS = model.load_all(everyone=list(PEOPLE.values()))
COLUMNS = catalog.load(feed for reader in PEOPLE.values() for feed in reader.feeds)
FILES = {path.name: path.read_text("utf-8") for path in files.folder().glob("*.t[dw][sb]")}


@dataclass
class Compared:
    """How many numbers of how many sheets were compared, and which differ."""

    sheets: set[str]
    numbers: int
    different: list[Any]


@pytest.fixture(scope="module")
def warehouse_of_demo(demo):
    with psycopg.connect(demo.warehouse, autocommit=True) as connection:
        yield connection


def compare(
    connection: Any, dashboard: Dashboard, chosen: Selection, names: Sequence[str]
) -> Compared:
    """Read each tile as the page does and as Tableau does, as each of the readers *names*."""
    book = sheets.of(dashboard, PEOPLE, COLUMNS)
    found = Compared(set(), 0, [])
    for name in names:
        reader = PEOPLE[name]
        with connection.transaction(force_rollback=True):
            connection.execute(f"set local role {role_of(connection, reader.role)}".encode())
            answers = Reading(connection, reader, None, dashboard, chosen).page().answers
            shown = tableau_numbers.sheets(FILES[f"{dashboard.name}.twb"])
            for sheet in book.sheets:
                answer, of_tableau = answers[sheet.tile], shown[sheet.name]
                if answer.problem or not choose(sheet, of_tableau, dashboard, chosen):
                    continue
                found.sheets.add(sheet.tile)
                differences, count = compared(answer, of_tableau.rows(connection))
                found.numbers += count
                found.different += [(name, sheet.name, *entry) for entry in differences]
    return found


def choose(sheet: Any, shown: Any, dashboard: Dashboard, chosen: Selection) -> bool:
    """Choose in the workbook what is chosen on the page; whether the sheet can do it."""
    controls = {control.field: control for control in sheet.controls}
    for name, ends in chosen.ranges.items():
        assert ends[0] == ends[1]
        shown.parameters[name] = f'"{ends[0]}"'
        if dashboard.filter_of(name) and f"in_{name}" not in controls:
            return name in dashboard.tiles[0].unfiltered
    for name, values in chosen.choices.items():
        cuts = model.known_reports()[sheet.source.name].cuts if not sheet.source.sql else {}
        field = cuts.get(name, name)
        if field not in controls:
            return False
        shown.chosen[field] = list(values)
    return True


def compared(answer: Answer, rows: dict[Any, Any]) -> tuple[list[Any], int]:
    """What differs between the rows of a tile and those of its sheet, and how many numbers were looked at."""
    if answer.tile.is_rows and answer.tile.kind == "table":
        # Values as they are: each row of the page is one of the sheet.
        listed = [
            (
                *row.fields,
                *(None if isinstance(v, Mark) or v is None else str(v) for v in row.values),
            )
            for row in answer.rows
        ]
        return [row for row in listed if row not in rows], len(listed)
    if answer.fields:
        listed_rows = [(row.fields, row.values) for row in answer.rows if not row.is_rest]
    else:
        listed_rows = [((), answer.total.values)] if answer.total else []
    different = [
        (fields, values, rows.get(tuple(fields)))
        for fields, values in listed_rows
        if not same_numbers(values, rows.get(tuple(fields)))
    ]
    if answer.fields and answer.left_out == 0 and len(rows) != len(listed_rows):
        different.append(("rows", len(listed_rows), len(rows)))
    return different, sum(len(values) for _, values in listed_rows)


def same_numbers(of_page: Any, of_tableau: Any) -> bool:
    """Whether numbers are equal, as doubles are."""
    if of_tableau is None or len(of_page) != len(of_tableau):
        return False
    for one, other in zip(of_page, of_tableau, strict=True):
        first = None if isinstance(one, Mark) else one
        if first is None or other is None:
            if first is not other:
                return False
        elif float(first) != pytest.approx(float(other), rel=1e-9, abs=1e-9):
            return False
    return True


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=list(DASHBOARDS))
def test_a_sheet_shows_what_the_page_shows(warehouse_of_demo, dashboard):
    # Of readers who read the same, one.
    differ = {
        repr((PEOPLE[name].reports, PEOPLE[name].metrics)): name for name in dashboard.readers
    }
    found = compare(warehouse_of_demo, dashboard, Selection(), list(differ.values()))
    assert found.different == []
    assert len(found.sheets) > len(dashboard.tiles) / 2
    assert found.numbers > 5


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=list(DASHBOARDS))
def test_a_filter_does_what_it_does_on_the_page(warehouse_of_demo, dashboard):
    for chosen in selections(warehouse_of_demo, dashboard):
        found = compare(warehouse_of_demo, dashboard, chosen, dashboard.readers[:1])
        assert found.different == [], chosen.fields


def selections(connection: Any, dashboard: Dashboard) -> list[Selection]:
    """Something that can be chosen of each kind of filter."""
    reader = PEOPLE[dashboard.readers[0]]
    found: dict[str, Selection] = {}
    with connection.transaction(force_rollback=True):
        connection.execute(f"set local role {role_of(connection, reader.role)}".encode())
        reading = Reading(connection, reader, None, dashboard, Selection())
        for entry in dashboard.filters:
            if entry.kind in found:
                continue
            if entry.kind == "choice":
                values = [choice.value for choice in reading.choices(entry.field)]
                known = tuple(value for value in values if value != UNKNOWN)[:2]
                found |= {entry.kind: Selection({entry.field: known})} if known else {}
            elif entry.kind == "period" and (least := reading.ends(entry.field)[0]):
                found[entry.kind] = Selection({}, {entry.field: (least, least)})
    return list(found.values())


STAR = sorted(name for name in FILES if name.startswith("star_") and "[metric_" in FILES[name])


@pytest.mark.parametrize("name", STAR)
def test_a_metric_of_the_star_is_that_of_the_house(warehouse_of_demo, name):
    sheet = tableau_numbers.of_source(FILES[name])
    (values,) = sheet.rows(warehouse_of_demo).values()
    for (_, field), value in zip(sheet.numbers, values, strict=True):
        metric = metric_reports.known()[field.removeprefix("metric_")]
        parts = "sum(numerator), sum(denominator)" if metric.denominator else "sum(numerator), 1"
        numerator, denominator = warehouse_of_demo.execute(
            f"select {parts} from metrics.{metric.name}".encode()
        ).fetchone()
        assert numerator, field
        assert float(value) == pytest.approx(float(numerator) / float(denominator)), field


def test_a_report_of_a_feed_has_the_columns_of_its_contract(warehouse_of_demo):
    listed = [name for name in COLUMNS if name.startswith("reporting.raw_")]
    assert listed
    for name in listed:
        there = warehouse.columns(warehouse_of_demo, *name.split("."))
        kinds = {column: fields.datatype(kind) for column, kind in there.items()}
        assert kinds == {column: fields.datatype(kind) for column, kind in COLUMNS[name].items()}
