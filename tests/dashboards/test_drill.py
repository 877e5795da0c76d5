"""The rows behind a number: all of them and nobody else's, with nothing of them in an address."""

from __future__ import annotations

import io
import re
from collections import Counter
from datetime import date
from decimal import Decimal
from html import unescape

import openpyxl
import pytest
from tests.dashboards.test_exports import House, house, rows_of  # noqa: F401 (a fixture)

from claimhouse.dashboards import behind


def table_of(html: str) -> list[list[str]]:
    body = html.partition("<tbody>")[2].partition("</tbody>")[0]
    return [
        [unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)]
        for row in re.findall(r"<tr>(.*?)</tr>", body, re.S)
    ]


def heads_of(html: str) -> list[str]:
    return re.findall(r'<th scope="col"[^>]*>(.*?)</th>', html)


def hidden_of(html: str) -> dict[str, str]:
    """The fields of the form that leads to the next rows."""
    form = re.search(r'<form method="post">(.*?)</form>', html, re.S)
    fields = re.findall(r'name="([a-z_]+)" value="([^"]*)"', form[1]) if form else []
    return {name: unescape(value) for name, value in fields}


def all_rows(client, address: str) -> tuple[list[list[str]], list[int]]:
    """All rows, page after page, and how many each page has."""
    html, rows, sizes = client.get(address).text, [], []
    while True:
        page = table_of(html)
        rows += page
        sizes.append(len(page))
        assert len(sizes) < 100
        fields = hidden_of(html)
        if not fields:
            return rows, sizes
        answer = client.post(address, data=fields)
        assert answer.status_code == 200
        html = answer.text


@pytest.mark.parametrize(
    "query", ["", "?specialty=cardiology", "?service_month.from=2024-05&service_month.to=2025-02"]
)
def test_page_after_page_and_files_have_each_row_once(
    house: House,  # noqa: F811
    query: str,
    monkeypatch,
) -> None:
    monkeypatch.setattr(behind, "ROWS", 7)
    monkeypatch.setattr(behind, "PIECE", 5)
    left = house.encounters(**({"specialty": "cardiology"} if "specialty" in query else {}))
    if "from" in query:
        left = [entry for entry in left if "2024-05" <= f"{entry['day']:%Y-%m}" <= "2025-02"]
    expected = sorted((entry["day"], entry["specialty"], entry["cost"]) for entry in left)
    client, place = house.client(), "/dashboards/member_care/rows/tile-2-1"
    heads = heads_of(client.get(place + query).text)
    rows, sizes = all_rows(client, place + query)
    at = [heads.index(name) for name in ("Service date", "Specialty", "Total claim cost")]
    shown = [
        (
            date.fromisoformat(row[at[0]]),
            row[at[1]],
            Decimal(row[at[2]].strip("$").replace(",", "")),
        )
        for row in rows
    ]
    assert sorted(shown) == expected
    assert max(sizes) == 7 and set(sizes[:-1]) == {7}
    # In the order of the column with an index.
    assert [row[0] for row in shown] == sorted(row[0] for row in shown)

    in_csv = rows_of(client.get(f"{place}.csv{query}").content)
    assert (
        sorted(
            (
                date.fromisoformat(row["service_date"]),
                row["specialty"],
                Decimal(row["total_claim_cost"]),
            )
            for row in in_csv
        )
        == expected
    )
    sheet = openpyxl.load_workbook(io.BytesIO(client.get(f"{place}.xlsx{query}").content)).active
    names, *lines = ([cell.value for cell in row] for row in sheet.iter_rows())
    at = [names.index(name) for name in ("service_date", "specialty", "total_claim_cost")]
    assert (
        sorted((line[at[0]].date(), line[at[1]], Decimal(str(line[at[2]]))) for line in lines)
        == expected
    )
    kept = house.kept()[-2:]
    assert [(row["report"], row["tile"], row["format"], row["row_count"]) for row in kept] == [
        ("member_encounters", "tile-2-1", "csv", len(expected)),
        ("member_encounters", "tile-2-1", "xlsx", len(expected)),
    ]


def test_rows_that_are_the_same_are_all_shown(house: House, monkeypatch) -> None:  # noqa: F811
    """A page may begin amid rows that nothing tells apart."""
    monkeypatch.setattr(behind, "ROWS", 4)
    of_all = behind.Drill._order
    monkeypatch.setattr(
        behind.Drill, "_order",
        lambda self: tuple(name for name in of_all(self) if name in ("specialty", "encounter_class")),
    )  # fmt: skip
    client, place = house.client(), "/dashboards/member_care/rows/tile-2-1"
    rows, _ = all_rows(client, place)
    at = heads_of(client.get(place).text).index("Specialty")
    assert Counter(row[at] for row in rows) == Counter(
        entry["specialty"] for entry in house.encounters()
    )


def test_a_row_is_looked_up_by_a_form(house: House) -> None:  # noqa: F811
    client, place = house.client(), "/dashboards/member_care/rows/tile-2-1"
    wanted = rows_of(client.get(f"{place}.csv").content)[3]["encounter_pseudonym"]
    html = client.post(place, data={"column": "encounter_pseudonym", "value": f" {wanted} "}).text
    assert len(table_of(html)) == 1 and wanted in html
    for value in ("00000000-0000-0000-0000-000000000000", "' or true --", "x" * 500, "\0"):
        html = client.post(place, data={"column": "encounter_pseudonym", "value": value}).text
        assert table_of(html) == [] or value == "\0"
    assert (
        client.post(place, data={"column": "total; drop table x", "value": "1"}).status_code == 400
    )
    # One of somebody else is not there.
    other = house.owner.execute("select encounter_id from star.fact_encounter limit 1").fetchone()[
        0
    ]
    assert (
        table_of(client.post(place, data={"column": "encounter_pseudonym", "value": other}).text)
        == []
    )
    # No address of a page has anything of a row.
    html = client.get(place).text
    for row in table_of(html):
        for link in re.findall(r'(?:href|action)="([^"]*)"', html):
            assert not any(len(cell) > 5 and cell in unescape(link) for cell in row)


@pytest.mark.parametrize(
    "after",
    [
        "x",
        "[]",
        "[[],1]",
        "[null,null]",
        '[["a"],1]',
        "[" * 5000,
        '{"a":1}',
        "[[1],1]",
        '[[{}],"x"]',
        "1e999",
    ],
)
def test_a_place_that_no_page_says_is_refused(house: House, after: str) -> None:  # noqa: F811
    answer = house.client().post("/dashboards/member_care/rows/tile-2-1", data={"after": after})
    assert answer.status_code == 400


def test_a_file_that_is_too_large_is_refused(house: House, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setattr(behind, "FILE_ROWS", 10)
    before = len(house.kept())
    for ending in ("csv", "xlsx"):
        answer = house.client().get(f"/dashboards/member_care/rows/tile-2-1.{ending}")
        assert answer.status_code == 409 and "More than 10 rows" in answer.text
    assert len(house.kept()) == before


def test_what_is_no_drill_has_no_rows(house: House) -> None:  # noqa: F811
    for end in ("rows/tile-1-1", "rows/tile-9-9", "rows/tile-1-1.csv"):
        assert house.client().get(f"/dashboards/member_care/{end}").status_code == 404
