"""A warehouse of each earlier release is upgraded, and loads on as if it never had been older."""

from __future__ import annotations

import csv
import lzma
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from local import embedded, release_dump
from tests.system import state as system_state

from claimhouse import ingest, revisions, schema

pytestmark = [pytest.mark.system, pytest.mark.database]

RELEASES = Path(__file__).parent / "data" / "releases"
# A cell that 0.1.0 loaded as NULL and that is kept now: the claim and the column, and the word.
UNLISTED_AT, UNLISTED = ("CIG000010032", "claim_type"), "Hearing"
BY_NAME = {
    file.stem.split("_", 1)[1]: (revision, file) for revision, file in revisions.releases().items()
}


@pytest.fixture(scope="module")
def own_server() -> Iterator[str]:
    """A server of this file's own: the roles of a dump belong to the server."""
    folder = Path(tempfile.mkdtemp(prefix="claimhouse-test-"))
    folder.chmod(0o755)
    try:
        address = embedded.start(folder / "pg")
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("alter system set fsync = off")  # nothing to keep
            connection.execute("select pg_reload_conf()")
        yield address
    finally:
        embedded.stop(folder / "pg")
        shutil.rmtree(folder)


@pytest.fixture(params=sorted(file.name for file in RELEASES.iterdir()))
def release(request: pytest.FixtureRequest) -> str:
    """The name of a release."""
    return str(request.param)


@pytest.fixture
def restored(own_server: str, release: str) -> Iterator[str]:
    """The address of a warehouse of the release."""
    address = embedded.create_database(own_server, f"release_{release}")
    release_dump.restore(RELEASES / release, address)
    yield address
    with psycopg.connect(own_server, autocommit=True) as connection:
        connection.execute(f'drop database "release_{release}" with (force)')


def tables(connection: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    return connection.execute(
        "select schemaname, tablename from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema') order by 1, 2"
    ).fetchall()


def rows(connection: psycopg.Connection[Any], schema_name: str, table: str) -> int:
    row = connection.execute(f'select count(*) from {schema_name}."{table}"').fetchone()
    assert row is not None
    return int(row[0])


def test_each_release_has_a_dump(release: str) -> None:
    assert set(BY_NAME) == {file.name for file in RELEASES.iterdir()}
    size = sum(file.stat().st_size for file in (RELEASES / release).iterdir())
    assert size < 500_000


def test_a_dump_has_rows_in_every_table_and_is_as_released(restored: str, release: str) -> None:
    revision, file = BY_NAME[release]
    with psycopg.connect(restored) as connection:
        found = tables(connection)
        assert [table for table in found if rows(connection, *table) == 0] == []
        assert {"landing", "quality", "star", "security", "delivery", "metrics"} <= {
            name for name, _ in found
        }
        row = connection.execute("select version_num from schema_version").fetchone()
        assert row == (revision,)
    with file.open(newline="") as lines:
        released = {name for kind, name, _ in csv.reader(lines) if kind == "table"}
    assert released <= {f"{name}.{table}" for name, table in found}


def test_a_dump_holds_no_path_of_a_machine(release: str) -> None:
    text = lzma.decompress((RELEASES / release / release_dump.WAREHOUSE).read_bytes()).decode()
    assert release_dump.ARCHIVE + "/archive" in text
    assert "claimhouse-release-" not in text


def without_checks(table: str, lines: list[str], files: set[str]) -> list[str]:
    """The lines of a table without what checks of some files' batches found."""
    if table not in ("quality.check_result", "quality.issue"):
        return lines
    mark = "'soda:" if table == "quality.issue" else ""
    names = [f"'{name}'" for name in files]
    return [line for line in lines if mark not in line or not any(name in line for name in names)]


def test_an_upgraded_warehouse_loads_on_like_one_that_never_was_older(
    own_server: str, restored: str, release: str, tmp_path: Path
) -> None:
    feeds = release_dump.unpack(RELEASES / release / release_dump.FEEDS, tmp_path)
    clients = tmp_path / "fresh" / "clients"
    said: list[str] = []
    with psycopg.connect(restored) as connection:
        before = {table: rows(connection, *table) for table in tables(connection)}
        checked = {name for (name,) in connection.execute("select file_name from landing.file")}
        # A state that a file brings counts from the day on which it arrived.
        (arrived,) = connection.execute("select min(created_at) from landing.batch").fetchone()
    schema.upgrade(restored, say=said.append)
    with psycopg.connect(restored) as connection:
        kept = {table: rows(connection, *table) for table in before if table in tables(connection)}
    lost = {table: count for table, count in kept.items() if count < before[table]}
    assert not lost, "an upgrade keeps every row"
    take_unlisted_word_out(feeds)
    fresh = embedded.create_database(own_server, f"fresh_{release}")
    with release_dump.settings(fresh, tmp_path / "fresh"):
        release_dump.fill(fresh, feeds, tmp_path / "fresh", arrived)
    schema.upgrade(fresh)  # which fills in the days that the dump leaves out
    with psycopg.connect(fresh) as connection:
        # Count tables of another shape begin anew: what they hide does not follow from earlier counts.
        for schema_name, table in tables(connection):
            if schema_name == "counts":
                connection.execute(f"drop table counts.{table}")
    upgraded = load_on(restored, feeds, clients, tmp_path / "upgraded")
    never_older = load_on(fresh, feeds, clients, tmp_path / "fresh")

    assert upgraded.keys() == never_older.keys()
    assert upgraded["star.fact_claim"]
    # A batch has the outcomes of the checks that there were when it came.
    different = [
        name
        for name, lines in upgraded.items()
        if without_checks(name, lines, checked) != without_checks(name, never_older[name], checked)
    ]
    assert different == []


def take_unlisted_word_out(feeds: Path) -> None:
    """Clear the cell with the word that no list has."""
    changed = 0
    for path in feeds.rglob("*.xlsx"):
        with zipfile.ZipFile(path) as workbook:
            parts = {name: workbook.read(name) for name in workbook.namelist()}
        with zipfile.ZipFile(path, "w") as workbook:
            for name, part in parts.items():
                workbook.writestr(name, part.replace(UNLISTED.encode(), b""))
                changed += part.count(UNLISTED.encode())
    assert changed == 1


def load_on(address: str, feeds: Path, clients: Path, folder: Path) -> system_state.State:
    """Load the feeds of the next day, publish, and return the state."""
    with release_dump.settings(address, folder):
        release_dump.bring(feeds, "next", folder / "landing")
        for source in sorted(path.name for path in (feeds / "next").iterdir()):
            ingest.run(source)
        with psycopg.connect(address, autocommit=True) as connection:
            release_dump.publish(connection, clients)
            return state(connection)


def state(connection: psycopg.Connection[Any]) -> system_state.State:
    """The state without the texts of messages: an issue keeps the words it was recorded with."""
    found = system_state.warehouse_state(connection)
    found["quality.issue"] = [
        str(row)
        for row in connection.execute(
            "select source_system, feed, file_name, row_number, record_key, column_name, rule, severity,"
            " raw_value, status from quality.issue where (record_key, column_name) is distinct from (%s, %s)"
            " order by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10",
            UNLISTED_AT,
        )
    ]
    return found
