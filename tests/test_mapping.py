"""Mappings as views: one file, or one a feed whose rows are united by name; reference lists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from claimhouse import mapping, reference, settings
from claimhouse import warehouse as house
from claimhouse import warehouse as sql_files


@pytest.fixture
def include(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warehouse: psycopg.Connection[Any]
) -> Iterator[Path]:
    """An include folder of its own, with a source ``made`` in the warehouse."""
    original = settings.INCLUDE
    (tmp_path / "sql" / "mapping" / "made").mkdir(parents=True)
    for folder in ("catalog", "reference"):
        (tmp_path / "sql" / folder).symlink_to(original / "sql" / folder)
    monkeypatch.setattr(settings, "INCLUDE", tmp_path)
    searched = sql_files._files.loader
    monkeypatch.setattr(searched, "searchpath", [str(tmp_path / "sql")])
    sql_files._files.cache.clear()  # type: ignore[union-attr]
    warehouse.execute("create schema source_made")
    warehouse.execute("create table source_made.a (id text, amount numeric(9, 2), day date)")
    warehouse.execute("create table source_made.b (number text, price integer)")
    warehouse.execute("insert into source_made.a values ('a1', 1.25, '2024-05-01')")
    warehouse.execute("insert into source_made.b values ('b1', 7)")
    yield tmp_path
    sql_files._files.cache.clear()  # type: ignore[union-attr]


def put(include: Path, name: str, select: str) -> None:
    (include / "sql" / "mapping" / "made" / f"{name}.sql").write_text(select)


def test_the_rows_of_several_feeds_are_united_by_name(
    include: Path, warehouse: psycopg.Connection[Any]
) -> None:
    put(include, "fact_x__a", "select id, amount, day from source_made.a")
    put(
        include,
        "fact_x__b",
        "select 'no' as flag, price as amount, number as id from source_made.b",
    )
    mapping.lay(warehouse, "made")
    assert mapping.targets("made") == ["fact_x"]
    found = warehouse.execute(
        "select id, amount, day::text, flag from source_made.star_fact_x order by id"
    ).fetchall()
    assert [tuple(map(str, row)) for row in found] == [
        ("a1", "1.25", "2024-05-01", "None"),
        ("b1", "7.00", "None", "no"),
    ]


def test_a_feed_that_joins_or_leaves_changes_the_union(
    include: Path, warehouse: psycopg.Connection[Any]
) -> None:
    put(include, "fact_x__a", "select id, amount, day from source_made.a")
    put(include, "fact_x__b", "select number as id from source_made.b")
    mapping.lay(warehouse, "made")
    put(include, "fact_x__a", "select day, id from source_made.a")
    mapping.lay(warehouse, "made")
    assert list(mapping.columns(warehouse, "made", "fact_x")) == ["day", "id"]
    (include / "sql" / "mapping" / "made" / "fact_x__b.sql").unlink()
    mapping.lay(warehouse, "made")
    assert warehouse.execute("select id from source_made.star_fact_x").fetchall() == [("a1",)]


def test_a_file_of_its_own_beside_files_of_feeds_is_refused(
    include: Path, warehouse: psycopg.Connection[Any]
) -> None:
    put(include, "fact_x", "select id from source_made.a")
    put(include, "fact_x__b", "select number as id from source_made.b")
    with pytest.raises(mapping.MappingError, match=r"fact_x\.sql and fact_x__\*\.sql"):
        mapping.lay(warehouse, "made")


def test_a_list_is_laid_as_text_and_written_again_only_when_it_changes(
    tmp_path: Path, warehouse: psycopg.Connection[Any]
) -> None:
    file = tmp_path / "colour.csv"
    file.write_text('code,meaning\n01,"red, dark"\n02,\n')
    assert reference.lay(warehouse, tmp_path) == ["colour"]
    assert warehouse.execute(
        "select code, meaning from reference.colour order by 1"
    ).fetchall() == [
        ("01", "red, dark"),
        ("02", None),
    ]
    assert reference.lay(warehouse, tmp_path) == []
    file.write_text("code,meaning,since\n03,blue,2020\n")
    assert reference.lay(warehouse, tmp_path) == ["colour"]
    assert house.columns(warehouse, "reference", "colour") == dict.fromkeys(
        ("code", "meaning", "since"), "text"
    )
    assert warehouse.execute("select * from reference.colour").fetchall() == [
        ("03", "blue", "2020")
    ]


def test_a_ragged_list_is_refused_with_file_and_row(
    tmp_path: Path, warehouse: psycopg.Connection[Any]
) -> None:
    (tmp_path / "colour.csv").write_text("code,meaning\n01,red\n02\n")
    with pytest.raises(reference.ListError, match=r"colour\.csv:3: 1 fields"):
        reference.lay(warehouse, tmp_path)
