"""The picture of the star: what the catalog says, drawn legibly, and not stale."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter, defaultdict

import pytest
from local import diagram

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def columns(warehouse):
    """The columns of each table of the star."""
    columns_of = defaultdict(list)
    for table, column in warehouse.execute(
        "select c.table_name, c.column_name from information_schema.columns as c"
        " inner join information_schema.tables as t using (table_schema, table_name)"
        " where c.table_schema = 'star' and t.table_type = 'BASE TABLE'"
        " order by c.ordinal_position"
    ):
        columns_of[table].append(column)
    return columns_of


def test_the_picture_in_the_docs_is_the_star_of_today(warehouse):
    kept = diagram.PICTURE.read_text(encoding="utf-8")
    assert kept == diagram.draw(warehouse), "run `make docs`"


def test_every_fact_and_every_key_is_drawn_and_ends_at_its_dimension(warehouse, columns):
    picture = ET.fromstring(diagram.draw(warehouse))
    texts = [(element.text, float(element.get("y"))) for element in picture.iter(f"{SVG}text")]
    names = Counter(text for text, _ in texts)
    facts = [table for table in columns if table.startswith(("fact_", "bridge_"))]
    assert all(names[fact] == 1 for fact in facts)
    keys = [column for fact in facts for column in columns[fact] if column.endswith("_key")]
    lanes = {
        text: float(element.get("x"))
        for element in picture.iter(f"{SVG}text")
        if (text := element.text or "").startswith("dim_")
    }
    dots = {
        (float(element.get("cx")), float(element.get("cy")))
        for element in picture.iter(f"{SVG}circle")
    }
    for key, count in Counter(keys).items():
        role = key.removesuffix("_key")
        home = "dim_date" if role.endswith("date") else f"dim_{role}"
        assert home in columns
        heights = [y - 4 for text, y in texts if text == key and y > diagram.HEAD]
        if home in lanes:
            assert len(heights) == count, key
            assert {(lanes[home], y) for y in heights} <= dots
        else:
            assert names[f"{key} → {home}"] == count, key
            assert "source_system" not in columns[home]


def test_no_two_lines_lie_on_each_other_and_all_fits(warehouse):
    picture = ET.fromstring(diagram.draw(warehouse))
    width, height = float(picture.get("width")), float(picture.get("height"))
    lines = [element.get("d") for element in picture.iter(f"{SVG}path") if "H" in element.get("d")]
    rows = Counter(line.split()[1].split("H")[0] for line in lines)
    assert lines and max(rows.values()) == 1
    boxes = [
        tuple(float(element.get(side)) for side in ("x", "y", "width", "height"))
        for element in picture.iter(f"{SVG}rect")
        if element.get("x")
    ]
    for at, (x, y, wide, high) in enumerate(boxes):
        assert x >= 0 and x + wide <= width and y + high <= height
        for left, top, other_wide, other_high in boxes[at + 1 :]:
            apart = x + wide <= left or left + other_wide <= x
            assert apart or y + high <= top or top + other_high <= y
