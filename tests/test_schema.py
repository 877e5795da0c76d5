"""The upgrade of the warehouse: from where to where, in whose way, and what it refuses."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.script import ScriptDirectory
from local import embedded

from claimhouse import revisions, schema, settings
from claimhouse import warehouse as sql_door

ROOT = Path(__file__).resolve().parents[1]
HEAD = revisions.head()
NEXT, LAST = f"{int(HEAD) + 1:04d}", f"{int(HEAD) + 2:04d}"
REVISION = """
from claimhouse.schema import run_sql
revision = "{revision}"
down_revision = "{before}"
def upgrade():
    run_sql(__file__)
"""
DOWNGRADE = """
def downgrade():
    run_sql(__file__, "downgrade")
"""

Add = Callable[..., str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the project's revisions, used in this process, and as ``CLAIMHOUSE_HOME`` in others."""
    include = tmp_path / "home" / "include"
    include.mkdir(parents=True)
    for entry in settings.INCLUDE.iterdir():
        if entry.name != "migrations":
            (include / entry.name).symlink_to(entry)
    shutil.copytree(settings.INCLUDE / "migrations", include / "migrations")
    monkeypatch.setattr(revisions, "FOLDER", include / "migrations")
    yield include.parent
    revisions._known.cache_clear()


@pytest.fixture
def add(home: Path) -> Add:
    """Adds a revision to the copy: ``add("create table ...", downgrade="drop table ...")``."""

    def add_revision(upgrade: str, downgrade: str | None = None) -> str:
        before = revisions.head()
        revision = f"{int(before) + 1:04d}"
        folder = home / "include" / "migrations"
        text = REVISION.format(revision=revision, before=before)
        (folder / "sql" / f"{revision}_test").mkdir()
        (folder / "sql" / f"{revision}_test" / "upgrade.sql").write_text(upgrade)
        if downgrade is not None:
            text += DOWNGRADE
            (folder / "sql" / f"{revision}_test" / "downgrade.sql").write_text(downgrade)
        (folder / "versions" / f"{revision}_test.py").write_text(text)
        revisions._known.cache_clear()
        return revision

    return add_revision


@contextmanager
def empty_database(server: str) -> Iterator[str]:
    name = f"e_{uuid.uuid4().hex[:12]}"
    yield embedded.create_database(server, name)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)')


def exists(connection: psycopg.Connection[Any], name: str) -> bool:
    row = connection.execute("select to_regclass(%s)", (name,)).fetchone()
    return row is not None and row[0] is not None


def revision_of(connection: psycopg.Connection[Any]) -> str:
    row = connection.execute("select version_num from public.schema_version").fetchone()
    assert row is not None
    return str(row[0])


def begin(home: Path, address: str, *arguments: str) -> subprocess.Popen[str]:
    """``claimhouse upgrade`` in a process of its own."""
    environment = os.environ | {
        "CLAIMHOUSE_HOME": str(home),
        "WAREHOUSE_URL": address,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}",
    }
    command = [sys.executable, "-m", "claimhouse.cli", "upgrade", *arguments]
    return subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


# From where to where ----------------------------------------------------------------------------


def test_the_revisions_are_one_line_and_named_by_their_numbers() -> None:
    scripts = ScriptDirectory.from_config(schema._config())
    walked = [script.revision for script in scripts.walk_revisions()]
    assert list(reversed(walked)) == revisions.known()
    assert scripts.get_heads() == [HEAD]
    assert set(revisions.releases()) <= set(revisions.known())


def test_an_upgrade_can_be_repeated(warehouse: Any, warehouse_url: str) -> None:
    tables = "select count(*) from information_schema.tables where table_schema = 'star'"
    before = warehouse.execute(tables).fetchone()
    said: list[str] = []
    schema.upgrade(warehouse_url, say=said.append)
    assert warehouse.execute(tables).fetchone() == before
    assert before[0] >= 7
    assert said == [f"the warehouse is at {revisions.described(HEAD)}: nothing to upgrade"]


def test_an_upgrade_says_from_where_to_where(warehouse: Any, warehouse_url: str, add: Add) -> None:
    add("create table star.first as select '50%' as share")
    add("create table star.second ()")
    said: list[str] = []
    schema.upgrade(warehouse_url, say=said.append)
    assert said == [
        f"the warehouse is at {revisions.described(HEAD)}; going to {LAST} (not released yet)",
        f"the warehouse is at {NEXT} (not released yet)",
        f"the warehouse is at {LAST} (not released yet)",
    ]
    assert exists(warehouse, "star.first") and exists(warehouse, "star.second")


def test_one_may_stop_at_a_revision(warehouse: Any, warehouse_url: str, add: Add) -> None:
    add("create table star.first ()")
    add("create table star.second ()")
    schema.upgrade(warehouse_url, NEXT)
    assert revision_of(warehouse) == NEXT
    assert not exists(warehouse, "star.second")


def test_an_empty_database_gets_everything(server: str) -> None:
    with empty_database(server) as address, psycopg.connect(address) as connection:
        said: list[str] = []
        schema.upgrade(address, say=said.append)
        assert said[0] == f"the warehouse is empty; going to {revisions.described(HEAD)}"
        assert revision_of(connection) == HEAD
        assert exists(connection, "quality.open_issues")


def test_a_failing_revision_leaves_nothing_behind(
    warehouse: Any, warehouse_url: str, add: Add
) -> None:
    add("create table star.first ()")
    add("create table star.second (); select 1 / 0")
    with pytest.raises(schema.UpgradeError, match="DivisionByZero"):
        schema.upgrade(warehouse_url)
    assert revision_of(warehouse) == NEXT
    assert exists(warehouse, "star.first") and not exists(warehouse, "star.second")


# Back -------------------------------------------------------------------------------------------


def test_a_revision_that_can_be_taken_back_is(warehouse: Any, warehouse_url: str, add: Add) -> None:
    add("create table star.first ()", "drop table star.first")
    add("create table star.second ()", "drop table star.second")
    schema.upgrade(warehouse_url)
    schema.upgrade(warehouse_url, HEAD)
    assert revision_of(warehouse) == HEAD
    assert not exists(warehouse, "star.first") and not exists(warehouse, "star.second")
    schema.upgrade(warehouse_url)
    assert revision_of(warehouse) == LAST


def test_a_revision_that_would_lose_something_is_not_taken_back(
    warehouse: Any, warehouse_url: str, add: Add
) -> None:
    add("create table star.first ()")
    add("create table star.second ()", "drop table star.second")
    schema.upgrade(warehouse_url)
    with pytest.raises(schema.UpgradeError, match=f"{NEXT} cannot be taken back without losing"):
        schema.upgrade(warehouse_url, HEAD)
    assert revision_of(warehouse) == LAST, "all or nothing"
    schema.upgrade(warehouse_url, NEXT)
    assert revision_of(warehouse) == NEXT


def test_an_unknown_target_is_refused(warehouse_url: str) -> None:
    with pytest.raises(schema.UpgradeError, match="no revision 0000"):
        schema.upgrade(warehouse_url, "0000")


# What is refused --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("update schema_version set version_num = '9999'", "at revision 9999.*newer than"),
        ("update schema_version set version_num = 'x'", "at revision x, which this version does"),
        ("insert into schema_version values ('0000')", "has 2 rows"),
        ("delete from schema_version", r"schemas of Claimhouse \(delivery, landing, star\)"),
        ("drop table schema_version", r"schemas of Claimhouse \(delivery, landing, star\)"),
        (
            "drop table schema_version; create table schema_version (version text)",
            "not Claimhouse's: is this the warehouse",
        ),
    ],
)
def test_a_database_of_another_kind_is_refused(
    warehouse: Any, warehouse_url: str, statement: str, message: str
) -> None:
    warehouse.execute(statement)
    with pytest.raises(schema.UpgradeError, match=message):
        schema.upgrade(warehouse_url)
    with pytest.raises(sql_door.WarehouseError), sql_door.connect(warehouse_url):
        pass


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("drop table delivery.hold", r"it:\n    table delivery.hold is missing\nThere is no"),
        (
            "alter table landing.batch drop column loading_since",
            "column landing.batch.loading_since is missing",
        ),
        (
            "alter table delivery.outbox drop constraint outbox_state_check",
            "constraint delivery.outbox.outbox_state_check is missing",
        ),
        (
            "create or replace function delivery.refuse_change() returns trigger"
            " language plpgsql as 'begin return new; end'",
            r"function delivery.refuse_change\(\) is not as released",
        ),
    ],
)
def test_a_state_that_was_never_released_is_refused(
    server: str, add: Add, statement: str, message: str
) -> None:
    add("select 1")
    release = max(revisions.releases())
    with empty_database(server) as address, psycopg.connect(address) as connection:
        schema.upgrade(address, release)
        connection.execute(statement)
        connection.commit()
        with pytest.raises(schema.UpgradeError, match=message):
            schema.upgrade(address)


def test_a_role_without_rights_is_told_to_connect_as_the_owner(
    warehouse: Any, warehouse_url: str, add: Add
) -> None:
    add("alter table star.dim_payer add column first text")
    role = f"reader_{os.getpid()}"
    warehouse.execute(f"create role {role} login")
    try:
        warehouse.execute(f"grant usage on schema star to {role}")
        warehouse.execute(f"grant select, update on public.schema_version to {role}")
        as_reader = warehouse_url.replace("postgres:@", f"{role}:@")
        with pytest.raises(
            schema.UpgradeError,
            match=r"(must be owner of|permission denied)(.|\n)*Connect as the role",
        ):
            schema.upgrade(as_reader)
        assert revision_of(warehouse) == HEAD
    finally:
        warehouse.execute(f"drop owned by {role}; drop role {role}")


def test_a_server_that_is_away_is_said(warehouse_url: str) -> None:
    with pytest.raises(schema.UpgradeError, match="OperationalError"):
        schema.upgrade("postgresql://postgres@127.0.0.1:1/warehouse?connect_timeout=2")


def test_the_command_exits_with_1_and_the_reason(
    warehouse: Any, warehouse_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    schema.main([])
    assert "nothing to upgrade" in capsys.readouterr().out
    warehouse.execute("update schema_version set version_num = '9999'")
    with pytest.raises(SystemExit) as ended:
        schema.main(["--timeout", "1"])
    assert ended.value.code == 1
    assert "claimhouse upgrade: the warehouse is at revision 9999" in capsys.readouterr().err


# In whose way -----------------------------------------------------------------------------------


def test_an_upgrade_waits_for_a_stage_and_says_so(
    warehouse: Any, warehouse_url: str, add: Add
) -> None:
    with sql_door.connect(warehouse_url):
        add("create table star.first ()")
        with pytest.raises(schema.UpgradeError, match=r"loads are running\n    process \d+"):
            schema.upgrade(warehouse_url, timeout=0.2)
        assert not exists(warehouse, "star.first")
        said: list[str] = []
        running = threading.Thread(
            target=schema.upgrade, args=(warehouse_url, None, 30, said.append)
        )
        running.start()
        wait_for(lambda: any("loads are running" in text for text in said))
        time.sleep(1.2)
        assert not exists(warehouse, "star.first")
    running.join(30)
    assert exists(warehouse, "star.first")
    assert sum("loads are running" in text for text in said) == 1, "said once"


def test_an_upgrade_waits_for_a_stage_of_the_first_release(
    warehouse: Any, warehouse_url: str, add: Add
) -> None:
    add("create table star.first ()")
    with (
        psycopg.connect(warehouse_url, application_name="claimhouse"),
        pytest.raises(schema.UpgradeError, match="loads are running"),
    ):
        schema.upgrade(warehouse_url, timeout=0.2)
    schema.upgrade(warehouse_url, timeout=5)


def test_a_stage_can_open_more_connections_while_an_upgrade_waits(
    warehouse_url: str, add: Add
) -> None:
    with sql_door.connect(warehouse_url):
        head = revisions.head()
        add("create table star.first ()")
        said: list[str] = []
        running = threading.Thread(
            target=schema.upgrade, args=(warehouse_url, None, 30, said.append)
        )
        running.start()
        wait_for(lambda: bool(said))
        wait_for(lambda: any("loads are running" in text for text in said))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PGOPTIONS", "-c lock_timeout=5s")
            patch.setattr(revisions, "head", lambda: head)  # the stage is of the older code
            with sql_door.connect(warehouse_url) as second:
                second.execute("select 1")
    running.join(30)
    assert not running.is_alive()


def test_a_stage_of_other_code_is_refused(warehouse: Any, warehouse_url: str, add: Add) -> None:
    add("create table star.first ()")
    with (
        pytest.raises(sql_door.WrongRevision, match=f"needs {NEXT}.*run `claimhouse upgrade`"),
        sql_door.connect(warehouse_url),
    ):
        pass
    warehouse.execute("update schema_version set version_num = '9999'")
    with (
        pytest.raises(sql_door.WrongRevision, match=r"9999.*newer than"),
        sql_door.connect(warehouse_url),
    ):
        pass
    warehouse.execute("drop table schema_version")
    with (
        pytest.raises(sql_door.WrongRevision, match="no schema yet"),
        sql_door.connect(warehouse_url),
    ):
        pass


def test_a_stage_that_begins_amid_an_upgrade_waits_and_sees_its_end(
    home: Path, warehouse: Any, warehouse_url: str, add: Add
) -> None:
    add("create table star.first (); select pg_sleep(2)")
    upgrading = begin(home, warehouse_url)
    wait_for(lambda: is_running(warehouse, "pg_sleep"))
    with sql_door.connect(warehouse_url) as connection:
        assert exists(connection, "star.first")
    assert upgrading.wait(30) == 0


def test_an_upgrade_retries_while_a_reader_holds_a_table(
    home: Path, warehouse: Any, warehouse_url: str, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "LOCK_TIMEOUT_MS", 300)
    add("alter table star.dim_payer add column first text")
    said: list[str] = []
    with psycopg.connect(warehouse_url, application_name="dashboard") as reader:
        reader.execute("select count(*) from star.dim_payer")
        with pytest.raises(schema.UpgradeError) as refused:
            schema.upgrade(warehouse_url, timeout=0.2)
        assert re.search(
            r"a table is in use\n    process \d+ of postgres \(dashboard\), idle in transaction",
            str(refused.value),
        )
        running = threading.Thread(
            target=schema.upgrade, args=(warehouse_url, None, 30, said.append)
        )
        running.start()
        wait_for(lambda: any("a table is in use" in text for text in said))
    running.join(30)
    schema.upgrade(warehouse_url)
    assert revision_of(warehouse) == NEXT


def test_two_upgrades_at_once_do_it_once(
    home: Path, warehouse: Any, warehouse_url: str, add: Add
) -> None:
    add("create table star.first (); select pg_sleep(1)")
    add("create table star.second ()")
    both = [begin(home, warehouse_url) for _ in range(2)]
    texts = [upgrading.communicate(timeout=60)[0] for upgrading in both]
    assert [upgrading.returncode for upgrading in both] == [0, 0], texts
    assert sorted("nothing to upgrade" in text for text in texts) == [False, True]
    assert sorted("another upgrade is running" in text for text in texts) == [False, True]
    assert revision_of(warehouse) == LAST


@pytest.mark.parametrize("sleeping", [NEXT, LAST], ids=["in the first", "between two"])
def test_a_killed_upgrade_goes_on_where_it_was(
    home: Path, warehouse: Any, warehouse_url: str, add: Add, sleeping: str
) -> None:
    for revision, table in ((NEXT, "first"), (LAST, "second")):
        sleep = "; select pg_sleep(2)" if revision == sleeping else ""
        add(f"create table star.{table} (){sleep}")
    upgrading = begin(home, warehouse_url)
    wait_for(lambda: is_running(warehouse, "pg_sleep"))
    upgrading.send_signal(signal.SIGKILL)
    upgrading.wait()
    again = begin(home, warehouse_url)  # the server still ends the first one's statement
    text, _ = again.communicate(timeout=60)
    assert again.returncode == 0, text
    place = revisions.described(HEAD if sleeping == NEXT else NEXT)
    assert f"the warehouse is at {place}; going to {LAST}" in text
    assert exists(warehouse, "star.first") and exists(warehouse, "star.second")
    assert revision_of(warehouse) == LAST


def is_running(connection: psycopg.Connection[Any], text: str) -> bool:
    row = connection.execute(
        "select count(*) from pg_stat_activity"
        " where application_name = 'claimhouse upgrade' and query like %s and state = 'active'",
        (f"%{text}%",),
    ).fetchone()
    return row is not None and row[0] > 0
