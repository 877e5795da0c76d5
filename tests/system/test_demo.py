"""The demo from end to end: a real Airflow, its scheduler, a real mailbox, the project's samples."""

from __future__ import annotations

import contextlib
import csv
import email
import io
import json
import stat
import sys
import time
from collections.abc import Iterator
from email import policy
from pathlib import Path

import msoffcrypto
import polars
import psutil
import psycopg
import pytest
from local import airflow_api, processes, readers_portal
from local.airflow_api import health
from tests.system.running import System, on_a_terminal

SCREEN = (24, 80)  # rows and columns


@pytest.fixture(scope="module")
def connection(demo: System) -> Iterator[psycopg.Connection[tuple[int, ...]]]:
    """The demo's warehouse, at the address in its warehouse.env."""
    with psycopg.connect(demo.warehouse, autocommit=True) as opened:
        yield opened


def test_every_sample_row_is_accounted_for(demo, connection):
    root = demo.folder / "samples" / "landing"
    rows = {
        (folder.name, str(file.relative_to(folder))): len(
            list(csv.reader(file.open(encoding="utf-8-sig")))
        )
        - 1
        for folder in root.iterdir()
        for file in folder.rglob("*.csv")
    }
    found = connection.execute(
        "select b.source_system, file_name, rows_read, state from landing.batch as b"
        " join landing.file using (file_id)"
    ).fetchall()
    read = {(source, name): count for source, name, count, _ in found if name.endswith(".csv")}
    assert {source for source, *_ in found} == {folder.name for folder in root.iterdir()}
    assert {state for *_, state in found} == {"loaded"}
    (undescribed,) = rows.keys() - read.keys()
    assert undescribed[0] == "billing_exports"
    assert read == {key: count for key, count in rows.items() if key != undescribed}


def test_nobody_else_can_read_what_the_system_wrote(demo):
    """Whatever the umask of the shell; the sockets of Postgres lie in a folder of its user alone."""
    postgres = demo.folder / "postgres"
    paths = [
        demo.folder,
        *(path for path in demo.folder.rglob("*") if postgres not in path.parents),
    ]
    open_to_others = [
        path
        for path in paths
        if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o066
    ]
    assert open_to_others == []
    assert stat.S_IMODE(postgres.stat().st_mode) == 0o700
    assert {path.name for path in paths} >= {"archive", "samples", "log", "airflow", "mail"}


def test_a_new_system_starts_what_takes_long_first_and_what_nobody_waits_for_last(demo):
    began = {name: the_process(demo, name).create_time() for name in ("api-server", "scheduler")}
    migrated = (demo.folder / "airflow" / "migrated").stat().st_mtime
    assert began["api-server"] < migrated < began["scheduler"]
    log = (demo.folder / "log" / "api-server.log").read_text()
    assert log.index("path=/execution/health") < log.index("path=/execution/task-instances")
    if Path("/proc/self/autogroup").exists():
        groups = {
            name: Path(f"/proc/{the_process(demo, name).pid}/autogroup").read_text().split()[-1]
            for name in ("dag-processor", "scheduler", "triggerer", "portal")
        }
        assert groups == {"dag-processor": "0", "scheduler": "0", "triggerer": "19", "portal": "0"}


def test_the_star_agrees_with_the_source(demo, connection):
    of_source = "select count(*), sum(total_cost) from source_billing.claims_current"
    of_star = (
        "select count(*), sum(total_cost) from star.fact_claim where source_system = 'billing'"
    )
    assert connection.execute(of_star).fetchone() == connection.execute(of_source).fetchone()


def test_the_client_has_one_mail_that_opens_with_its_password_and_holds_its_rows(demo, connection):
    mails = [
        email.message_from_bytes(mail.read_bytes(), policy=policy.default)
        for mail in (demo.folder / "mail").glob("*.eml")
    ]
    (message,) = [mail for mail in mails if "summit-ortho" in mail["To"]]
    (attached,) = message.iter_attachments()
    book, opened = msoffcrypto.OfficeFile(io.BytesIO(attached.get_content())), io.BytesIO()
    book.load_key(password=demo.secrets["EXTRACT_PASSWORD_SUMMIT_ORTHO"])
    book.decrypt(opened)
    rows = polars.read_excel(opened, sheet_name="Rows")
    expected = connection.execute(
        "select count(*) from star.fact_claim join star.dim_provider using (provider_key)"
        " where specialty in ('orthopedist', 'physical_therapist')"
    ).fetchone()
    assert (len(rows),) == expected
    ledger = connection.execute("select row_count, recipient from delivery.disclosure").fetchall()
    assert (len(rows), message["To"]) in ledger
    assert sorted(recipient for _, recipient in ledger) == sorted(mail["To"] for mail in mails)


def test_nothing_airflow_keeps_or_logs_holds_a_patient(demo, connection):
    names = connection.execute(
        "select distinct last_name || ',' || first_name, address from star.dim_patient where last_name is not null"
    ).fetchall()
    streets = {street for _, street in names if street}
    logs = "\n".join(
        file.read_text(errors="replace")
        for file in (demo.folder / "airflow" / "logs").rglob("*.log")
    )
    assert logs
    assert not [street for street in streets if street in logs]
    metadata = connection.info.dsn.replace("dbname=warehouse", "dbname=airflow")
    with psycopg.connect(metadata) as airflow:
        values = json.dumps(airflow.execute("select value::text from xcom").fetchall())
    assert not [street for street in streets if street in values]


def test_the_tasks_of_several_runs_come_in_pages(demo, connection, monkeypatch):
    port = json.loads((demo.folder / "run" / "ports.json").read_text())["api-server"]
    airflow = airflow_api.Airflow(port, "admin", demo.secrets["ADMIN_PASSWORD"])
    runs = [(run["dag_id"], run["dag_run_id"]) for run in airflow.runs()]
    metadata = connection.info.dsn.replace("dbname=warehouse", "dbname=airflow")
    with psycopg.connect(metadata) as opened:
        kept = opened.execute("select dag_id, run_id, id::text from task_instance").fetchall()
    monkeypatch.setattr(airflow_api, "PAGE", 7)
    tasks = airflow.tasks_of(runs)
    found = [(*run, task["id"]) for run in tasks for task in tasks[run]]
    assert len(kept) > 3 * 7
    assert sorted(found) == sorted(kept)


def test_every_part_that_is_killed_is_started_again_and_healthy(demo):
    run = demo.folder / "run"
    names = sorted(file.stem for file in run.glob("*.part"))
    assert names == [
        "api-server",
        "dag-processor",
        "guard",
        "mailbox",
        "portal",
        "postgres",
        "scheduler",
        "triggerer",
    ]
    killed = {name: the_process(demo, name) for name in names}
    for process in killed.values():
        process.kill()
    port = json.loads((run / "ports.json").read_text())["api-server"]
    end = time.monotonic() + 120
    while True:
        runs_again = {
            name
            for name, process in killed.items()
            if (now := the_process(demo, name)) is not None and now.pid != process.pid
        }
        if runs_again == set(names) and set(health(port).values()) == {"healthy"}:
            break
        assert time.monotonic() < end, runs_again
        time.sleep(0.5)


def the_process(demo, name):
    """The process of a part; None while it does not run."""
    if name != "postgres":
        return processes.find(name, demo.folder / "run")
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        pid_file = demo.folder / "postgres" / "postmaster.pid"
        return psutil.Process(int(pid_file.read_text().split()[0]))
    return None


def test_a_second_demo_lands_nothing_and_mails_nobody_again(demo):
    before, published = batches(demo), runs(demo, "publish")
    mails = {mail.name for mail in (demo.folder / "mail").glob("*.eml")}
    shown = on_a_terminal([sys.executable, "-m", "local.demo"], *SCREEN, demo.environment)
    assert batches(demo) == before
    assert {mail.name for mail in (demo.folder / "mail").glob("*.eml")} == mails
    ends_on_one_screen(demo, shown)
    # Nothing is new: each run ends with its first task, and nothing is published for it.
    states = airflow(
        demo,
        "select task_id, state from task_instance where (dag_id, run_id) in ("
        " select dag_id, run_id from dag_run where dag_id = 'ingest_billing' order by id desc limit 1)",
    )
    assert {task: state for task, state in states if state != "skipped"} == {"land": "success"}
    assert runs(demo, "publish") == published


def runs(demo, dag):
    """The runs of a DAG."""
    return airflow(demo, f"select run_id from dag_run where dag_id = '{dag}'")


def airflow(demo, query):
    """Rows of Airflow's own database."""
    address = demo.warehouse.replace("/warehouse", "/airflow", 1)
    with psycopg.connect(address) as connection:
        return sorted(connection.execute(query).fetchall())


def ends_on_one_screen(demo, shown):
    """What the demo shows last: a line for each source, then a summary that fits one screen."""
    rows, columns = SCREEN
    above, _, summary = shown.rpartition("\nLoaded ")
    lines = ["Loaded " + summary.splitlines()[0], *summary.splitlines()[1:]]
    # The folder of a test has a longer name than var/.
    lines = [line.replace(str(demo.folder), "var") for line in lines]
    assert max(map(len, lines)) <= columns
    assert len(lines) < rows
    sources = {folder.name for folder in (demo.folder / "samples" / "landing").iterdir()}
    last = {line.split()[0]: line.split()[1] for line in above.splitlines()[-12:] if line.strip()}
    assert last.items() >= dict.fromkeys(sources, "done").items()
    with psycopg.connect(demo.warehouse) as connection:
        read = connection.execute(
            "select source_system, sum(rows_read)::bigint from landing.batch group by 1"
        ).fetchall()
    loaded = {line.split()[0]: line.split()[2] for line in lines[1 : len(sources) + 1]}
    for source, count in read:
        assert loaded[source] == f"{count:,}"
    text = "\n".join(lines)
    assert text.count("/plugin/claimhouse") == 1
    for name in readers_portal.ACCOUNTS:
        assert f"{name:<10} {demo.secrets[readers_portal.variable(name)]}" in text
    for login in ("viewer", "reviewer", "admin"):
        assert demo.secrets[f"{login.upper()}_PASSWORD"] in text


def batches(demo):
    """The number of batches, over a connection of its own: Postgres was killed meanwhile."""
    with psycopg.connect(demo.warehouse) as connection:
        return connection.execute("select count(*) from landing.batch").fetchone()
