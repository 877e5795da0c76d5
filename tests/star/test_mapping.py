"""Mappings as views: one file, or one a feed whose rows are united by name; reference lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.worlds.made_source import Made

from claimhouse import reference, word_lists
from claimhouse import warehouse as house
from claimhouse.star import mapping


@pytest.fixture
def two_feeds(made: Made) -> Made:
    """Two feeds of other columns."""
    made.connection.execute("create table source_made.a (id text, amount numeric(9, 2), day date)")
    made.connection.execute("create table source_made.b (number text, price integer)")
    made.connection.execute("insert into source_made.a values ('a1', 1.25, '2024-05-01')")
    made.connection.execute("insert into source_made.b values ('b1', 7)")
    return made


def test_the_rows_of_several_feeds_are_united_by_name(
    two_feeds: Made, warehouse: psycopg.Connection[Any]
) -> None:
    two_feeds.maps("fact_x__a", "select id, amount, day from source_made.a")
    two_feeds.maps(
        "fact_x__b",
        "select 'no' as flag, price as amount, number as id from source_made.b",
    )
    mapping.create(warehouse, "made")
    assert mapping.targets("made") == ["fact_x"]
    actual = warehouse.execute(
        "select id, amount, day::text, flag from source_made.star_fact_x order by id"
    ).fetchall()
    assert [tuple(map(str, row)) for row in actual] == [
        ("a1", "1.25", "2024-05-01", "None"),
        ("b1", "7.00", "None", "no"),
    ]


def test_a_feed_that_joins_or_leaves_changes_the_union(
    two_feeds: Made, warehouse: psycopg.Connection[Any]
) -> None:
    two_feeds.maps("fact_x__a", "select id, amount, day from source_made.a")
    two_feeds.maps("fact_x__b", "select number as id from source_made.b")
    mapping.create(warehouse, "made")
    two_feeds.maps("fact_x__a", "select day, id from source_made.a")
    mapping.create(warehouse, "made")
    assert list(mapping.columns(warehouse, "made", "fact_x")) == ["day", "id", "left_out"]
    lacking = "select id, left_out from source_made.star_fact_x order by id"
    assert warehouse.execute(lacking).fetchall() == [("a1", []), ("b1", ["day"])]
    (two_feeds.mappings / "fact_x__b.sql").unlink()
    mapping.create(warehouse, "made")
    assert warehouse.execute("select id from source_made.star_fact_x").fetchall() == [("a1",)]


def test_a_file_of_its_own_beside_files_of_feeds_is_refused(
    two_feeds: Made, warehouse: psycopg.Connection[Any]
) -> None:
    two_feeds.maps("fact_x", "select id from source_made.a")
    two_feeds.maps("fact_x__b", "select number as id from source_made.b")
    with pytest.raises(mapping.MappingError, match=r"fact_x\.sql and fact_x__\*\.sql"):
        mapping.create(warehouse, "made")


def test_a_list_is_laid_as_text_and_written_again_only_when_it_changes(
    tmp_path: Path, warehouse: psycopg.Connection[Any]
) -> None:
    file = tmp_path / "color.csv"
    file.write_text('code,meaning\n01,"red, dark"\n02,\n')
    assert reference.fill(warehouse, tmp_path) == ["color"]
    assert warehouse.execute("select code, meaning from reference.color order by 1").fetchall() == [
        ("01", "red, dark"),
        ("02", None),
    ]
    assert reference.fill(warehouse, tmp_path) == []
    file.write_text("code,meaning,since\n03,blue,2020\n")
    assert reference.fill(warehouse, tmp_path) == ["color"]
    assert house.columns(warehouse, "reference", "color") == dict.fromkeys(
        ("code", "meaning", "since"), "text"
    )
    assert warehouse.execute("select * from reference.color").fetchall() == [("03", "blue", "2020")]


def test_a_ragged_list_is_refused_with_file_and_row(
    tmp_path: Path, warehouse: psycopg.Connection[Any]
) -> None:
    (tmp_path / "color.csv").write_text("code,meaning\n01,red\n02\n")
    with pytest.raises(word_lists.ListError, match=r"color\.csv:3: 1 fields"):
        reference.fill(warehouse, tmp_path)
