"""Fixtures every test may use: a real Postgres server and a migrated warehouse of the test's own."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from filelock import FileLock
from hypothesis import settings as hypothesis_settings
from tests.worlds.carrier_source import Carrier
from tests.worlds.ledger_source import Ledger, forget_files
from tests.worlds.made_source import Made
from tests.worlds.properties import FACTOR
from xdist.scheduler import LoadFileScheduling

os.environ.setdefault(
    "AIRFLOW_HOME", str(Path(__file__).resolve().parents[1] / "var" / "test-airflow")
)
os.environ["CLAIMHOUSE_SETTLE_SECONDS"] = "0"

from local import embedded
from tests.system.running import System

from claimhouse import ingest, reference, schema

# The same commit gives the same verdict twice: `make test` draws the same examples each time.
# `make properties` draws others, and many; what it finds becomes an @example of its test.
hypothesis_settings.register_profile("test", derandomize=True, deadline=None, database=None)
hypothesis_settings.register_profile(
    "fuzz", deadline=None, print_blob=True, max_examples=100 * FACTOR
)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
TEMPLATE = "warehouse_template"
HOSPITAL = "real_hospital"
TESTS = Path(__file__).parent
# In this order: those of the pages change what it has loaded.
SHARE_THE_SYSTEM = (
    "tests/system/test_demo.py",
    "tests/system/test_celery.py",
    "tests/dashboards/test_tableau_numbers.py",
    "tests/pages/test_frame.py",
    "tests/pages/test_overview.py",
    "tests/pages/test_dashboards.py",
    "tests/pages/test_readers.py",
    "tests/pages/test_upload.py",
    "tests/pages/test_files.py",
    "tests/pages/test_issues.py",
    "tests/pages/test_mailings.py",
    "tests/pages/test_logins.py",
)
# The system that they share, while it runs.
RUNNING: list[System] = []
LONGEST = {
    file: place
    for place, file in enumerate(
        (
            *SHARE_THE_SYSTEM,
            "tests/system/faults/test_faults.py",
            "tests/sources/pended/test_pended.py",
            "tests/star/test_star.py",
            "tests/sources/hospital/test_hospital_star.py",
            "tests/sources/clinic/test_clinic.py",
            "tests/verification/test_reread.py",
            "tests/reporting/test_editions.py",
            "tests/reporting/test_reporting.py",
            "tests/system/test_task_roles.py",
            "tests/test_schema.py",
            "tests/attack/test_attack.py",
            "tests/reading/test_fuzz.py",
            "tests/delivery/test_changes.py",
            "tests/sources/billing_exports/test_billing_exports.py",
            "tests/test_ingest.py",
            "tests/star/test_star_properties.py",
            "tests/metrics/test_metrics_feeds.py",
            "tests/test_releases.py",
        )
    )
}


def _fastest_folder() -> Path:
    """A folder in memory where there is room; else that of temporary files.

    A copy of a warehouse is a thousand files: in memory it takes 0.05 s, on a disk up to 0.5 s.
    """
    memory = Path("/dev/shm")
    has_room = (
        memory.is_dir()
        and os.access(memory, os.W_OK)
        and min(shutil.disk_usage(memory).free, psutil.virtual_memory().available) > ROOM_BYTES
    )
    return memory if has_room else Path(tempfile.gettempdir())


ROOM_BYTES = 8 * 1024**3
# Not below pytest's own temporary folder: another run may clear that away. All workers of a run share it.
RUN_FOLDER = os.environ.setdefault("TESTS_RUN_FOLDER", str(_fastest_folder()))
RUN = Path(RUN_FOLDER) / f"claimhouse-test-{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}"


@pytest.fixture(scope="session")
def server() -> str:
    """The address of a Postgres server that this test run (all its workers) shares."""
    RUN.mkdir(exist_ok=True)
    RUN.chmod(0o755)
    with FileLock(RUN / "lock"):
        address = embedded.start(RUN / "pg")
        with psycopg.connect(address, autocommit=True) as connection:
            if not _database_exists(connection, TEMPLATE):
                connection.execute("alter system set fsync = off")  # tests only: nothing to keep
                connection.execute("alter system set max_wal_size = '1GB'")  # it may be in memory
                connection.execute("select pg_reload_conf()")
                template = embedded.create_database(address, TEMPLATE)
                schema.upgrade(template)
                # A list of codes takes a third of a second: once, and not in each test.
                with psycopg.connect(template) as filling:
                    reference.fill(filling)
    return address


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system on which the demo has run; ``DEMO=<var folder>`` names one that is up, for work on the pages."""
    if running := os.environ.get("DEMO"):
        yield System(Path(running).resolve(), {})
        return
    folder = tmp_path_factory.mktemp("demo")
    folder.chmod(0o755)
    system = System(folder, {})
    RUNNING.append(system)
    try:
        system.run("local.demo")
        yield system
    finally:
        stop_systems()


@pytest.fixture
def warehouse_url(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty, migrated warehouse that only this test sees; ``WAREHOUSE_URL`` names it."""
    with copied(server, TEMPLATE) as address:
        monkeypatch.setenv("WAREHOUSE_URL", address)
        yield address


@contextmanager
def copied(server: str, template: str) -> Iterator[str]:
    """The address of a copy of the database *template*, which is dropped at the end."""
    name = f"w_{uuid.uuid4().hex[:12]}"
    yield embedded.create_database(server, name, template=template)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)')


@pytest.fixture
def unmigrated_url(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A database without a schema that only this test sees; ``WAREHOUSE_URL`` names it."""
    name = f"w_{uuid.uuid4().hex[:12]}"
    address = embedded.create_database(server, name)
    monkeypatch.setenv("WAREHOUSE_URL", address)
    yield address
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)')


@pytest.fixture
def warehouse(warehouse_url: str) -> Iterator[psycopg.Connection[Any]]:
    """An autocommit connection to the test's own warehouse."""
    with psycopg.connect(warehouse_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def landing_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty landing root on the local disk, with its archive and corrections beside it."""
    root = tmp_path / "landing"
    root.mkdir()
    monkeypatch.setenv("CLAIMHOUSE_LANDING_ROOT", f"file://{root}")
    monkeypatch.setenv("CLAIMHOUSE_ARCHIVE_ROOT", f"file://{tmp_path}/archive")
    monkeypatch.setenv("CLAIMHOUSE_CORRECTIONS_ROOT", f"file://{tmp_path}/corrections")
    return root


@pytest.fixture
def made(
    warehouse: psycopg.Connection[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Made]:
    """A source whose mapping files the test writes itself."""
    source = Made(warehouse, tmp_path / "include", monkeypatch)
    yield source
    source.forget_files()


@pytest.fixture
def carrier(
    warehouse: psycopg.Connection[Any],
    tmp_path: Path,
    landing_root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Carrier:
    """A source whose contracts the test writes itself, to try layouts of files."""
    return Carrier(warehouse, tmp_path, landing_root, monkeypatch)


@pytest.fixture
def ledger(
    warehouse: psycopg.Connection[Any],
    tmp_path: Path,
    landing_root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Ledger]:
    """A source of claims whose contract the test chooses."""
    yield Ledger(warehouse, tmp_path, landing_root, monkeypatch)
    forget_files()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real feeds; a test that needs it is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the real feeds are not at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def loaded_hospital(server: str, shared_data: Path) -> str:
    """A database with the hospital's real feeds in its star, made once in a run; only copied."""
    with FileLock(RUN / "hospital.lock"), psycopg.connect(server, autocommit=True) as connection:
        if _database_exists(connection, HOSPITAL):
            return HOSPITAL
        connection.execute("drop database if exists hospital_draft with (force)")
        address = embedded.create_database(server, "hospital_draft", template=TEMPLATE)
        with pytest.MonkeyPatch.context() as patch:
            _reads_the_hospital(patch, address, shared_data)
            ingest.run("hospital")
        connection.execute(f"alter database hospital_draft rename to {HOSPITAL}")
    return HOSPITAL


@pytest.fixture(scope="module")
def real_hospital(
    server: str, shared_data: Path, loaded_hospital: str
) -> Iterator[psycopg.Connection[Any]]:
    """The hospital's real feeds in a star that the tests of a file share, and leave as it is.

    ``WAREHOUSE_URL`` names it for those of them that do not ask for a warehouse of their own.
    """
    name = f"h_{uuid.uuid4().hex[:12]}"
    address = embedded.create_database(server, name, template=loaded_hospital)
    with pytest.MonkeyPatch.context() as patch:
        _reads_the_hospital(patch, address, shared_data)
        with psycopg.connect(address, autocommit=True) as connection:
            yield connection
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)')


def _reads_the_hospital(patch: pytest.MonkeyPatch, address: str, shared_data: Path) -> None:
    """Let commands load the real feeds into the warehouse at *address*; all share an archive."""
    patch.setenv("WAREHOUSE_URL", address)
    patch.setenv("CLAIMHOUSE_LANDING_ROOT", f"file://{shared_data}")
    patch.setenv("CLAIMHOUSE_ARCHIVE_ROOT", f"file://{RUN}/hospital/archive")
    patch.setenv("CLAIMHOUSE_CORRECTIONS_ROOT", f"file://{RUN}/hospital/corrections")


def _database_exists(connection: psycopg.Connection[Any], name: str) -> bool:
    query = "select 1 from pg_database where datname = %s"
    return connection.execute(query, (name,)).fetchone() is not None


class ByFile(LoadFileScheduling):  # type: ignore[misc]
    """Gives a worker whole files, and those that share the running system as one.

    A world that the tests of a file share is then made once. (The scheduling by group that
    pytest-xdist 3.8 has ignores its marks under pytest 9.)
    """

    def _split_scope(self, nodeid: str) -> str:
        return "the running system" if shares_the_system(nodeid) else nodeid.split("::", 1)[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Schedule by file, in the order of collection."""
    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop the shared system after the last test that needs it: an idle Airflow takes a tenth of two cores."""
    if nextitem is not None and not shares_the_system(nextitem.nodeid):
        stop_systems()


def stop_systems() -> None:
    """Stop what runs, and wait for its end."""
    while RUNNING:
        RUNNING.pop().run("local.system", "down")


def shares_the_system(nodeid: str) -> bool:
    """Whether a test is one of those that share a system."""
    return nodeid.split("::", 1)[0] in SHARE_THE_SYSTEM


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by what it needs and does; one that starts processes says so itself.

    The files that take longest come first, so that no worker is alone with one at the end.
    """
    folder = TESTS.parent
    items.sort(key=lambda item: LONGEST.get(str(item.path.relative_to(folder)), len(LONGEST)))
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if "system" in item.path.relative_to(TESTS).parts:
            item.add_marker(pytest.mark.system)
        if fixtures & {"server", "quiet_server"}:
            item.add_marker(pytest.mark.database)
        if "shared_data" in fixtures:
            item.add_marker(pytest.mark.real_feeds)
        if getattr(getattr(item, "function", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.property)
        if not any(item.get_closest_marker(name) for name in ("system", "database", "real_feeds")):
            item.add_marker(pytest.mark.pure)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the server when the run that started it ends; a worker leaves that to its run."""
    if hasattr(session.config, "workerinput"):
        return
    uid = _run_uid(session)
    folder = RUN.with_name(f"claimhouse-test-{uid}") if uid else RUN
    if folder.exists():
        embedded.stop(folder / "pg")
        shutil.rmtree(folder, ignore_errors=True)


def _run_uid(session: pytest.Session) -> str | None:
    """The id that the workers of a distributed run share."""
    manager = session.config.pluginmanager.getplugin("dsession")
    nodes = getattr(manager, "nodemanager", None)
    return getattr(nodes, "testrunuid", None)
