"""``python -m local.release_dump FOLDER``: a small warehouse of this version, with rows in every table.

Writes to FOLDER (``tests/data/releases/<release>``) what the upgrade of later versions is tried on:

- ``feeds.tar.xz``: small sample feeds: ``first`` was loaded, ``under_way`` is being loaded in one source,
  ``next`` comes the day after;
- ``roles.sql`` and ``warehouse.sql.xz``: the server's roles and the warehouse.

Rows come from the stages themselves wherever a stage writes them.
"""

from __future__ import annotations

import contextlib
import json
import lzma
import os
import re
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import yaml

from local import embedded, mailbox, samples

SEED = 20260105
# Enough for every table and rule; the usual samples are fifty times larger.
SIZES: dict[str, dict[str, int]] = {
    "billing": {"PATIENTS": 60, "CLAIMS": 400, "CLAIMS_A_DAY": 60},
    "billing_exports": {"MEMBERS": 20, "CLAIMS": 60},
    "clinic": {
        "PATIENTS": 133,
        "APPOINTMENTS": 513,
        "COMPLETED": 334,
        "NO_SHOW": 59,
        "CANCELLED": 69,
        "RESCHEDULED": 51,
        "FOLLOW_UPS": 30,
        "WITHOUT_VISIT": 26,
        "VISITS": 308,
        "TWO_PROVIDERS": 40,
        "SURVEYS": 199,
    },
    "hospital": {"PATIENTS": 100, "ENCOUNTERS": 500, "ENCOUNTERS_A_DAY": 60},
    "pended": {
        "CLAIMS": 200,
        "ENTER_A_DAY": 20,
        "CLEARED_A_DAY": 15,
        "LONG_CLEARED": 30,
        "PROVIDERS": 40,
        "BENEFICIARIES": 30,
        "INPATIENT": 60,
    },
}
# The source whose load is under way when the dump is taken.
LOADING = "billing"
# By source, the files of the next day, and of the load under way.
NEXT = re.compile(r"2026-?01-?0[78]|clinic/.*20260105")
UNDER_WAY = re.compile(r"billing/.*20260107")
FEEDS, WAREHOUSE, ROLES = "feeds.tar.xz", "warehouse.sql.xz", "roles.sql"
DAYS = ("first", "under_way", "next")
ARRIVED = datetime(2026, 1, 6, 6, 0, tzinfo=UTC)
# Where the dump says that feeds and archive are.
ARCHIVE = "/release"
PSEUDONYM_KEY = "the key of the pseudonyms in the dumps of releases"
EXTRACT_PASSWORD = "the password of the extracts in the dumps"
NOW = datetime(2026, 2, 15, 12, 0, tzinfo=UTC)
CLIENT = "release_test"
YEARS = (2024, 2026)


def main() -> None:
    """Write the folder named on the command line."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m local.release_dump FOLDER")
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="claimhouse-release-") as name:
        work = Path(name)
        work.chmod(0o755)
        write_feeds(work / "feeds")
        pack(work / "feeds", folder / FEEDS)
        try:
            address = embedded.create_database(embedded.start(work / "pg"), "warehouse")
            with settings(address, work):
                fill(address, work / "feeds", work)
            dump(address, folder, work)
        finally:
            embedded.stop(work / "pg")
    print(f"{folder} written")


def write_feeds(folder: Path) -> None:
    """Write small sample feeds: ``first``, ``under_way`` and ``next``."""
    for source in samples.SOURCES:
        name = source.__name__.rsplit(".", 1)[1]
        for constant, size in SIZES[name].items():
            setattr(source, constant, size)
    for made in samples.make(SEED):
        for file, content in made.files.items():
            path = f"{made.source}/{file}"
            day = (
                "under_way" if UNDER_WAY.search(path) else "next" if NEXT.search(path) else "first"
            )
            target = folder / day / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


@contextlib.contextmanager
def settings(address: str, work: Path) -> Iterator[None]:
    """The environment in which the stages run, with a mailbox."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = mailbox.controller(port, work / "mail")
    server.start()
    mail = {
        "conn_type": "smtp",
        "host": "127.0.0.1",
        "port": port,
        "extra": {"disable_ssl": True, "disable_tls": True, "from_email": "a@claimhouse.example"},
    }
    password = json.dumps({"conn_type": "generic", "password": EXTRACT_PASSWORD})
    values = {
        "AIRFLOW_HOME": str(work / "airflow"),
        "WAREHOUSE_URL": address,
        "CLAIMHOUSE_SETTLE_SECONDS": "0",
        "CLAIMHOUSE_LANDING_ROOT": f"file://{work}/landing",
        "CLAIMHOUSE_ARCHIVE_ROOT": f"file://{work}/archive",
        "CLAIMHOUSE_CORRECTIONS_ROOT": f"file://{work}/corrections",
        "CLAIMHOUSE_EXTRACT_FOLDER": str(work / "extracts"),
        "AIRFLOW_CONN_CLAIMHOUSE_MAIL": json.dumps(mail),
        "AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM": json.dumps(
            {"conn_type": "generic", "password": PSEUDONYM_KEY}
        ),
        f"AIRFLOW_CONN_CLAIMHOUSE_EXTRACT_{CLIENT.upper()}": password,
    }
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        server.stop()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def fill(address: str, feeds: Path, work: Path, arrived: datetime | None = None) -> None:
    """Load the first feeds, publish and deliver, and begin a load of the next day.

    Args:
        address: of an empty database.
        feeds: the folder of the feeds.
        work: a folder to work in.
        arrived: when the files arrived; now by default.
    """
    from claimhouse import ingest, schema

    schema.upgrade(address)
    bring(feeds, "first", work / "landing", arrived)
    for source in sorted(path.name for path in (work / "landing").iterdir()):
        ingest.run(source)
    write_clients(work / "clients")
    with psycopg.connect(address, autocommit=True) as connection:
        publish(connection, work / "clients")
        deliver(connection)
        decide_by_hand(connection)
    bring(feeds, "under_way", work / "landing", arrived and arrived + timedelta(seconds=1))
    batches = ingest.land(LOADING)
    for batch in batches:
        ingest.verify(batch)
    ingest.check(LOADING)
    ingest.load_dimensions(LOADING)


def bring(feeds: Path, day: str, landing: Path, arrived: datetime | None = None) -> None:
    """Copy the feeds of *day* into a landing root, where they arrived then or arrive now, by their names."""
    first = arrived.timestamp() if arrived else time.time()
    files = sorted(path for path in (feeds / day).rglob("*") if path.is_file())
    for place, path in enumerate(files):
        copy = landing / path.relative_to(feeds / day)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        arrival = first + place / 1000
        os.utime(copy, (arrival, arrival))


def pack(folder: Path, file: Path) -> None:
    """Write a folder into a tar file, its files dated one day apart by the folders they lie in."""

    def dated(member: tarfile.TarInfo) -> tarfile.TarInfo:
        day = member.name.split("/")[1] if "/" in member.name else "first"
        member.mtime = int(ARRIVED.timestamp()) + 86400 * DAYS.index(day)
        member.uid = member.gid = 0
        member.uname = member.gname = ""
        return member

    with tarfile.open(file, "w:xz") as archive:
        archive.add(folder, "feeds", filter=dated)


def unpack(file: Path, folder: Path) -> Path:
    """Write the feeds of a tar file below a folder; the folder of the days."""
    with tarfile.open(file) as archive:
        archive.extractall(folder, filter="data")
    return folder / "feeds"


def write_clients(folder: Path) -> None:
    """The project's clients, without subscriptions, and one whose extract a person approves."""
    from claimhouse.settings import INCLUDE

    folder.mkdir(parents=True)
    for file in (INCLUDE / "clients").glob("*.yaml"):
        content = yaml.safe_load(file.read_text())
        (folder / file.name).write_text(
            yaml.safe_dump(content | {"subscriptions": []}, sort_keys=False)
        )
    subscription: dict[str, Any] = {
        "name": "monthly_claims",
        "report": "claims_by_specialty_month",
        "format": "csv",
        "schedule": "0 6 1 * *",
        "time_zone": "America/Chicago",
        "recipients": ["desk@release-test.example"],
        "transport": "attachment",
        "reason": "Test of upgrades",
        "approval": {"first": True},
    }
    client = {
        "name": CLIENT,
        "title": "Release Test",
        "privacy_level": "limited",
        "reports": ["claims_by_specialty_month"],
        "entitlements": [{"source_system": "billing", "specialties": ["orthopedist"]}],
        "logins": ["analyst"],
        "subscriptions": [subscription],
    }
    (folder / f"{CLIENT}.yaml").write_text(yaml.safe_dump(client, sort_keys=False))


def publish(connection: psycopg.Connection[Any], clients: Path) -> None:
    """What the DAG ``publish`` does, for the clients of a folder."""
    from claimhouse import metrics, reporting

    with connection.transaction():
        metrics.publish(connection)
    reporting.publish(connection, clients)


def deliver(connection: psycopg.Connection[Any]) -> None:
    """Prepare, approve and send what is due; hold the client for a while."""
    from claimhouse import delivery

    for subscription in delivery.due(NOW):
        delivery.prepare(subscription, NOW)
    for question in delivery.approvals_to_ask():
        delivery.decide(question["extract_id"], may_be_sent=True, by="release")
        delivery.send(question["subscription_id"])
    delivery.hold(CLIENT, "Test of upgrades", "release")
    delivery.release(CLIENT, "release")
    delivery.hold(CLIENT, "Test of upgrades, in force", "release")


def decide_by_hand(connection: psycopg.Connection[Any]) -> None:
    """What people, Tableau and the owner's mails leave."""
    connection.execute(
        "insert into security.patient_crosswalk (source_system, patient_id, person_id, decided_by)"
        " select source_system, patient_id, 'one person', 'release' from star.dim_patient"
        " where patient_key > 0 order by source_system, patient_id limit 2"
    )
    connection.execute(
        "insert into delivery.notice (subscription_id, period, kind)"
        " select subscription_id, period, 'withheld' from delivery.outbox"
    )
    tableau = connection.info.dsn.replace("user=postgres", "user=tableau_service")
    connection.execute("alter role tableau_service login")
    with psycopg.connect(tableau, host=connection.info.host) as session:
        session.execute("select security.bind('network.analyst@unitedhealthcare.example')")
    # The upgrade fills in the days that are missing.
    connection.execute(
        "delete from star.dim_date where date_key > 0 and date_key / 10000 not between %s and %s",
        YEARS,
    )


def dump(address: str, folder: Path, work: Path) -> None:
    """Write the server's roles and the warehouse as SQL, without this machine's paths."""
    roles = _run("pg_dumpall", "--roles-only", "--no-role-passwords", "-d", address)
    lines = [line for line in roles.splitlines() if line.startswith(("CREATE", "ALTER", "GRANT"))]
    kept = [line for line in lines if line.split()[2].rstrip(";") != "postgres"]
    (folder / ROLES).write_text("\n".join(kept) + "\n")
    text = _run("pg_dump", "-d", address).replace(str(work), ARCHIVE)
    kept = [line for line in text.splitlines() if not line.startswith("--")]
    (folder / WAREHOUSE).write_bytes(lzma.compress("\n".join(kept).encode(), preset=9))


def restore(folder: Path, address: str) -> None:
    """Make the roles and the warehouse of *folder* in an empty database."""
    psql = [str(embedded.BIN / "psql"), "-X", "-q", "-d", address]
    # Roles belong to the server: those that are there already are errors, and stay.
    subprocess.run(psql, input=(folder / ROLES).read_bytes(), check=True, capture_output=True)
    text = lzma.decompress((folder / WAREHOUSE).read_bytes())
    command = [*psql, "-v", "ON_ERROR_STOP=1"]
    subprocess.run(command, input=text, check=True, capture_output=True)


def _run(program: str, *arguments: str) -> str:
    command = [str(embedded.BIN / program), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
