"""The local system, without starting Airflow."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import smtplib
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
import psycopg
import pytest
import valkey
from local import (
    board,
    broker,
    demo,
    environment,
    mailbox,
    object_store,
    places,
    postgres,
    processes,
    services,
    summary,
    system,
    topology,
)
from psycopg.conninfo import conninfo_to_dict
from tests.system.running import on_a_terminal
from tests.worlds.manifest import enter_file

ROOT = Path(__file__).resolve().parents[2]


# The mailbox ------------------------------------------------------------------------------------


@pytest.fixture
def mail_server(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A mailbox on a free port, and its folder."""
    folder = tmp_path / "mail"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = mailbox.controller(port, folder)
    server.start()
    yield port, folder
    server.stop()


def a_mail(message_id: str | None, text: str = "Hello") -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "sender@claimhouse.example"
    mail["To"] = "reader@client.example"
    mail["Subject"] = "An extract"
    if message_id:
        mail["Message-ID"] = message_id
    mail.set_content(text)
    mail.add_attachment(bytes(range(256)) * 9, "application", "octet-stream", filename="x.xlsx")
    return mail


def send(port: int, *mails: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", port) as connection:
        for mail in mails:
            connection.send_message(mail, to_addrs=["reader@client.example", "bcc@client.example"])


def test_a_mail_is_kept_whole(mail_server: tuple[int, Path]) -> None:
    port, folder = mail_server
    send(port, a_mail("<one@claimhouse.example>", text=".a line that begins with a dot\n"))
    (file,) = folder.iterdir()
    kept = message_from_bytes(file.read_bytes())
    assert file.suffix == ".eml" and "one@claimhouse.example" in file.name
    assert kept["Message-ID"] == "<one@claimhouse.example>"
    assert kept["X-Envelope-To"] == "reader@client.example, bcc@client.example"
    text, attached = kept.get_payload()
    assert text.get_payload(decode=True).decode().startswith(".a line")
    assert attached.get_payload(decode=True) == bytes(range(256)) * 9


def test_a_message_id_is_kept_once(mail_server: tuple[int, Path]) -> None:
    port, folder = mail_server
    send(port, a_mail("<same@x>", "first"), a_mail("<same@x>", "second"), a_mail("<other@x>"))
    send(port, a_mail("<same@x>", "third"))
    files = sorted(folder.iterdir())
    assert len(files) == 2
    assert sorted(message_from_bytes(file.read_bytes())["Message-ID"] for file in files) == [
        "<other@x>",
        "<same@x>",
    ]
    assert b"first" in next(file for file in files if "same" in file.name).read_bytes()


def test_mails_without_an_id_or_with_a_strange_one_are_kept(
    mail_server: tuple[int, Path],
) -> None:
    port, folder = mail_server
    send(port, a_mail(None, "a"), a_mail(None, "b"), a_mail("<../../../etc/x@y>"))
    send(port, a_mail("<a/b@x>"), a_mail("<a_b@x>"), a_mail(f"<{'long' * 100}@x>"))
    files = list(folder.iterdir())
    assert len(files) == 6
    assert {file.parent for file in files} == {folder}


def test_the_mailbox_runs_by_itself_and_ends_when_asked(tmp_path: Path) -> None:
    port = services.free_port(26000)
    command = [sys.executable, "-m", "local.mailbox", str(port), str(tmp_path)]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    send(port, a_mail("<by-itself@x>"))
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 0
    assert len(list(tmp_path.glob("*.eml"))) == 1


# Processes --------------------------------------------------------------------------------------

SLEEPER = "import time; time.sleep(600)  # claimhouse-sleeper"
PARENT = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)  # claimhouse-sleeper"])
print("ready", flush=True)
time.sleep(600)  # claimhouse-sleeper
"""


def begin(folder: Path, code: str = SLEEPER) -> psutil.Process:
    processes.start(
        "sleeper",
        [sys.executable, "-c", code],
        "claimhouse-sleeper",
        environment=dict(os.environ),
        run=folder / "run",
        logs=folder / "log",
    )
    return psutil.Process(json.loads((folder / "run" / "sleeper.pid").read_text())["pid"])


def ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_process_is_found_and_stopped(tmp_path: Path) -> None:
    process = begin(tmp_path)
    found = processes.find("sleeper", tmp_path / "run")
    assert found is not None and found.pid == process.pid
    assert processes.stop("sleeper", tmp_path / "run")
    assert ended(process)
    assert processes.find("sleeper", tmp_path / "run") is None
    assert not processes.stop("sleeper", tmp_path / "run")


@pytest.mark.parametrize(
    "change",
    [{"began": 1.0}, {"word": "another program"}, {"boot": "an earlier one"}],
    ids=["another start", "another command", "another boot"],
)
def test_another_program_with_the_same_pid_is_left_alone(
    tmp_path: Path, change: dict[str, Any]
) -> None:
    process = begin(tmp_path)
    file = tmp_path / "run" / "sleeper.pid"
    record = json.loads(file.read_text())
    if "began" in change:  # started long before the record: not ours
        change = {"began": record["began"] + 3600}
    file.write_text(json.dumps(record | change))
    assert processes.find("sleeper", tmp_path / "run") is None
    processes.stop("sleeper", tmp_path / "run")
    assert not ended(process)
    file.write_text(json.dumps(record))
    assert processes.stop("sleeper", tmp_path / "run")


@pytest.mark.parametrize("text", ["", "12", "{}", '{"pid": 1}', "[1]", "\x00"])
def test_a_damaged_pid_file_names_no_process(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.pid").write_text(text)
    assert processes.find("x", tmp_path) is None
    assert not processes.stop("x", tmp_path)


def test_what_a_crashed_process_left_running_is_stopped(tmp_path: Path) -> None:
    parent = begin(tmp_path, PARENT)
    log = tmp_path / "log" / "sleeper.log"
    wait_for(lambda: "ready" in log.read_text())
    (child,) = parent.children()
    parent.kill()
    wait_for(lambda: ended(parent))
    assert processes.find("sleeper", tmp_path / "run") is None
    assert not ended(child)
    assert processes.stop("sleeper", tmp_path / "run")
    assert ended(child)


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="Linux forms no groups here")
def test_a_part_stands_back_for_others_until_it_need_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(places, "RUN", tmp_path / "run")
    process = begin(tmp_path)
    group, own = Path(f"/proc/{process.pid}/autogroup"), Path("/proc/self/autogroup")
    before = own.read_text()  # empty where this process is in no group

    processes.stand_back("sleeper", 19)
    assert group.read_text().endswith(" nice 19\n")
    assert own.read_text() == before
    processes.stand_back("sleeper", 0)
    assert group.read_text().endswith(" nice 0\n")

    processes.stop("sleeper", tmp_path / "run")
    processes.stand_back("sleeper", 19)  # nobody is there


NEVER_REAPS = """
import sys, time
from pathlib import Path
from tests.system.test_local import begin
begin(Path(sys.argv[1]))
print("begun", flush=True)
time.sleep(600)
"""


def test_a_process_that_nobody_reaps_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "STOP_SECONDS", 3600.0)
    command = [sys.executable, "-c", NEVER_REAPS, str(tmp_path)]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert parent.stdout is not None and parent.stdout.readline() == b"begun\n"
        process = processes.find("sleeper", tmp_path / "run")
        assert process is not None
        stopping = Thread(target=processes.stop, args=("sleeper", tmp_path / "run"), daemon=True)
        stopping.start()
        stopping.join(60)
        assert not stopping.is_alive()
        assert process.status() == psutil.STATUS_ZOMBIE
    finally:
        parent.kill()
        parent.communicate()


def wait_for(condition: Any, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


# The system -------------------------------------------------------------------------------------


def test_a_taken_port_is_skipped() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert services.free_port(port) > port
    assert services.free_port(port) == port


def test_a_stale_postmaster_file_is_removed(var: Path, server: str) -> None:
    places.POSTGRES.mkdir()
    file = places.POSTGRES / "postmaster.pid"
    with psycopg.connect(server) as connection:
        row = connection.execute("select pg_backend_pid()").fetchone()
        assert row is not None
        file.write_text(f"{row[0]}\n/somewhere\n")
        postgres._clear_after_a_crash()
        assert not file.exists(), "a process of another server has the pid"
    file.write_text(f"{os.getpid()}\n/somewhere\n")
    postgres._clear_after_a_crash()
    assert not file.exists(), "the test runner has the pid"


def test_secrets_are_made_once_and_kept_to_their_owner(var: Path) -> None:
    first = environment.known_secrets()
    assert environment.known_secrets() == first
    assert len(set(first.values())) == len(first)
    assert stat.S_IMODE(places.SECRETS.stat().st_mode) == 0o600
    kept = environment.read(places.SECRETS)
    del kept["PSEUDONYM_KEY"]
    environment.write(places.SECRETS, kept, "one is missing")
    again = environment.known_secrets()
    assert again["PSEUDONYM_KEY"] != first["PSEUDONYM_KEY"]
    assert {name for name in first if again[name] != first[name]} == {"PSEUDONYM_KEY"}


def test_only_its_user_can_read_what_the_system_writes(tmp_path, monkeypatch):
    """Also what an earlier version wrote, and whatever the umask of the shell."""
    monkeypatch.setattr(places, "VAR", tmp_path / "var")
    for name in ("archive", "venv"):
        (tmp_path / "var" / name).mkdir(parents=True, mode=0o755)
    (tmp_path / "var" / "old.log").write_text("of an earlier version")
    before = os.umask(0o022)
    try:
        places.make_private()
        (tmp_path / "var" / "new").mkdir()
        (tmp_path / "var" / "new" / "file").write_text("")
    finally:
        os.umask(before)
    open_to_others = [
        path.relative_to(tmp_path)
        for path in (tmp_path / "var").rglob("*")
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    ]
    assert open_to_others == [Path("var/venv")]
    assert not stat.S_IMODE((tmp_path / "var").stat().st_mode) & 0o066


def test_airflow_gets_secrets_as_connections_and_listens_here_only(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__PARALLELISM", "9")
    monkeypatch.setenv("AIRFLOW_HOME", "/elsewhere")
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_WAREHOUSE", "postgresql://elsewhere")
    address = "postgresql://postgres@/warehouse?host=/a"
    settings = environment.for_airflow(
        address, "postgresql://postgres@/airflow?host=/a", var / "landing", 8081, 2526
    )
    own = environment.known_secrets()
    assert settings["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert settings["AIRFLOW_HOME"] == str(places.AIRFLOW_HOME)
    assert settings["WAREHOUSE_URL"] == settings["AIRFLOW_CONN_CLAIMHOUSE_WAREHOUSE"] == address
    assert settings["AIRFLOW__CORE__PARALLELISM"] == "9", (
        "variables set for this run take precedence"
    )
    mail = json.loads(settings["AIRFLOW_CONN_CLAIMHOUSE_MAIL"])
    assert (mail["host"], mail["port"]) == ("127.0.0.1", 2526)
    clients = [file.stem for file in (ROOT / "include" / "clients").glob("*.yaml")]
    assert clients
    for client in clients:
        connection = json.loads(settings[f"AIRFLOW_CONN_CLAIMHOUSE_EXTRACT_{client.upper()}"])
        assert connection["password"] == own[f"EXTRACT_PASSWORD_{client.upper()}"]
    assert json.loads(settings["AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM"])["password"]
    settings_file = (ROOT / "plugins" / "claimhouse" / "settings.py").read_text()
    roots = set(re.findall(r"CLAIMHOUSE_\w+(?:ROOT|FOLDER|HOME)", settings_file))
    assert roots <= settings.keys()


def test_a_shell_and_a_driver_read_the_same_address(var: Path) -> None:
    folder = "/some where/var's/postgres"
    address = postgres.with_safe_path(f"postgresql://postgres:@/warehouse?host={folder}")
    environment.write(places.WAREHOUSE_ENV, {"WAREHOUSE_URL": address}, "note")
    script = f'. {shlex.quote(str(places.WAREHOUSE_ENV))}; printf %s "$WAREHOUSE_URL"'
    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert shell.stdout == address
    assert conninfo_to_dict(address)["host"] == folder
    assert environment.read(places.WAREHOUSE_ENV)["WAREHOUSE_URL"] == address


# Topologies -------------------------------------------------------------------------------------


def test_an_executor_that_is_not_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, expected in (("", "local"), ("local", "local"), ("celery", "celery")):
        monkeypatch.setenv("CLAIMHOUSE_EXECUTOR", name)
        assert topology.chosen().name == expected
    monkeypatch.setenv("CLAIMHOUSE_EXECUTOR", "Celery")
    with pytest.raises(
        SystemExit, match="CLAIMHOUSE_EXECUTOR=Celery: must be one of celery, local"
    ):
        topology.chosen()


def test_the_scheduler_starts_after_what_tasks_need_and_workers_have_own_names() -> None:
    for known in topology.TOPOLOGIES.values():
        assert [part.name for part in known.components[-2:]] == [topology.SCHEDULER, "triggerer"]
    celery = topology.TOPOLOGIES["celery"]
    settings = [part.settings for part in celery.components if part.name in celery.workers]
    assert [variables[topology.WORKER_NAME] for variables in settings] == list(celery.workers)
    assert len(set(celery.workers)) == 2


def test_with_celery_everything_that_production_keeps_in_a_bucket_is_there(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAIMHOUSE_EXECUTOR", "celery")
    ports = {name: 1000 + at for at, name in enumerate(("api-server", *topology.SERVICES))}
    addresses = system.Addresses(ports, "postgresql://postgres@/warehouse?host=/a")
    settings = system._settings(
        topology.chosen(), addresses, "postgresql://postgres@/airflow?host=/a", var / "landing"
    )
    assert settings["AIRFLOW__CORE__EXECUTOR"] == "CeleryExecutor"
    in_bucket = {name for name, value in settings.items() if value.startswith("s3://")}
    assert in_bucket == {
        "CLAIMHOUSE_LANDING_ROOT",
        "CLAIMHOUSE_ARCHIVE_ROOT",
        "CLAIMHOUSE_CORRECTIONS_ROOT",
        "CLAIMHOUSE_LINK_STORE",
        "AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER",
    }
    own = environment.known_secrets()
    connection = json.loads(settings["AIRFLOW_CONN_CLAIMHOUSE_LANDING"])
    assert connection["password"] == own["S3_SECRET_KEY"]
    system._write_warehouse_env(settings, addresses)
    script = (
        f'. {shlex.quote(str(places.WAREHOUSE_ENV))}; printf %s "$AIRFLOW_CONN_CLAIMHOUSE_LANDING"'
    )
    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    from airflow.sdk import Connection

    kept = Connection.from_uri(shell.stdout, conn_id="claimhouse_landing")
    assert (kept.login, kept.password) == (own["S3_ACCESS_KEY"], own["S3_SECRET_KEY"])
    assert kept.extra_dejson == connection["extra"]


@pytest.fixture
def bucket(var: Path) -> Iterator[Any]:
    """The object store, running, and a client of it."""
    port, own = services.free_port(27000), environment.known_secrets()
    settings = dict(os.environ) | object_store.keys(own)
    child = subprocess.Popen(object_store.command(places.OBJECTS, port), env=settings)
    wait_for(lambda: object_store.is_ready(port))
    client = object_store.client(port, own)
    object_store.create_bucket(client)
    yield client
    child.terminate()
    child.wait()


def test_only_new_and_changed_files_are_uploaded(bucket: Any, tmp_path: Path) -> None:
    folder = tmp_path / "feeds"
    (folder / "billing" / "day 2").mkdir(parents=True)
    (folder / "billing" / "claims.csv").write_text("a")
    (folder / "billing" / "day 2" / "claims.csv").write_text("b")
    (folder / "billing" / "empty.csv").write_text("")
    (folder / "billing" / ".draft.csv").write_text("c")
    assert object_store.upload(bucket, folder, "landing") == 3
    before = {key: entry["LastModified"] for key, entry in listed(bucket).items()}
    written = (folder / "billing" / "claims.csv").stat().st_mtime
    assert before["landing/billing/claims.csv"].timestamp() == int(written)
    assert before.keys() == {
        "landing/billing/claims.csv",
        "landing/billing/day 2/claims.csv",
        "landing/billing/empty.csv",
    }
    assert object_store.upload(bucket, folder, "landing") == 0
    (folder / "billing" / "claims.csv").write_text("z")  # of the same size
    bucket.put_object(Bucket=object_store.BUCKET, Key="landing/billing/delivered.csv", Body=b"d")
    object_store.create_bucket(bucket)
    assert object_store.upload(bucket, folder, "landing") == 1
    assert listed(bucket).keys() - before.keys() == {"landing/billing/delivered.csv"}


def listed(bucket: Any) -> dict[str, Any]:
    answer = bucket.list_objects_v2(Bucket=object_store.BUCKET, Prefix="landing/")
    return {entry["Key"]: entry for entry in answer["Contents"]}


def test_the_broker_keeps_its_password_to_itself_and_its_queue_when_it_is_killed(
    tmp_path: Path,
) -> None:
    port, folder = services.free_port(28000), tmp_path / "a folder with spaces"
    command = broker.command(folder, port, "secret")
    assert "secret" not in " ".join(command)
    assert stat.S_IMODE((folder / "valkey.conf").stat().st_mode) == 0o600
    for kept in (None, b"a task"):
        child = subprocess.Popen(broker.command(folder, port, "secret"), stdout=subprocess.DEVNULL)
        wait_for(lambda: broker.is_ready(port, "secret"))
        assert not broker.is_ready(port, "wrong")
        with valkey.Valkey(port=port, password="secret") as client:
            assert client.lpop("default") == kept
            client.rpush("default", "a task")
            time.sleep(1.1)  # the log is flushed once a second
        states = broker.answering(broker.url(port, "secret"), ["airflow-worker-1"])
        assert states == {"airflow-worker-1": "starting"}, "no worker is there to answer"
        child.kill()
        child.wait()


def test_the_landing_root_is_the_samples_or_the_folder_that_is_named(
    var: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LANDING", raising=False)
    assert places.landing() == places.landing_as_before() == places.SAMPLES
    assert places.SAMPLES.is_dir()
    chosen = tmp_path / "feeds"
    chosen.mkdir()
    places.LANDING_CHOSEN.write_text(str(chosen))
    assert places.landing() == places.SAMPLES
    assert places.landing_as_before() == chosen
    monkeypatch.setenv("LANDING", str(tmp_path))
    assert places.landing() == places.landing_as_before() == tmp_path
    monkeypatch.setenv("LANDING", str(tmp_path / "absent"))
    with pytest.raises(SystemExit, match="no such folder"):
        places.landing()


# The demo ---------------------------------------------------------------------------------------


def test_the_stage_of_a_run_is_what_runs_in_it() -> None:
    tasks = [
        {"task_id": "land", "state": "success"},
        {"task_id": "verify", "state": "success"},
        {"task_id": "verify", "state": "running"},
        {"task_id": "verify", "state": "queued"},
        {"task_id": "check_star", "state": None},
        {"task_id": "load", "state": "scheduled"},
    ]
    assert board.stage(tasks) == board.Stage("verify", "1 of 3", (1 + 1 / 3) / 4)
    tasks[2]["state"] = "skipped"
    assert board.stage(tasks).name == ""
    tasks[4]["state"] = "up_for_retry"
    tasks[5]["state"] = "running"
    assert board.stage(tasks) == board.Stage("check star, load", "", (1 + 2 / 3) / 4)
    assert board.stage([]) == board.Stage("")


SHOW = """
from local.board import DONE, FAILED, Board, Stage
from local.progress import Stopwatch
watch = Stopwatch()
with Board(watch) as board:
    for name, *stages in (("billing", "land", "verify", "", DONE), ("clinic", "land", FAILED)):
        for at in stages:
            board.show(name, Stage(at, "1 of 3" if at == "verify" else ""))
            if at == "verify":
                watch.say("the scheduler has died")
"""


def test_a_pipe_has_a_short_line_for_each_stage() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHOW], cwd=ROOT, env=os.environ | {"FORCE_COLOR": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [line.partition("] ")[2] for line in done.stdout.splitlines()]
    assert lines == [
        "billing: land",
        "billing: verify",
        "the scheduler has died",
        "billing: done",
        "clinic: land",
        "clinic: failed",
    ]


def test_a_terminal_has_one_line_for_each_run() -> None:
    shown = on_a_terminal([sys.executable, "-c", SHOW], rows=24, columns=80)
    assert "billing: land" not in shown
    assert "the scheduler has died" in shown
    *_, billing, clinic = [line for line in shown.splitlines() if line.strip()]
    assert billing.split()[:2] == ["billing", "done"]
    assert clinic.split()[:2] == ["clinic", "failed"]


def test_a_failed_task_is_explained_by_the_end_of_its_log(tmp_path: Path) -> None:
    log = tmp_path / "attempt=1.log"
    assert demo._reason(log) == "left no log"
    lines = [
        {"level": "info", "event": "begun"},
        {"error_detail": [{"exc_type": "ChecksFailed", "exc_value": "2 checks failed\nmore"}]},
        {"level": "info", "event": "ended", "error_detail": None},
    ]
    log.write_text("not json\n" + "\n".join(json.dumps(line) for line in lines))
    assert demo._reason(log) == "ChecksFailed: 2 checks failed"


def test_the_summary_adds_up_what_the_warehouse_and_the_mailbox_hold(
    warehouse: psycopg.Connection[Any],
    warehouse_url: str,
    mail_server: tuple[int, Path],
) -> None:
    for counts in ((1200, 1190, 7, 3), (34, 30, 4, 0)):
        enter_file(warehouse, "billing", "claims")
        warehouse.execute(
            "insert into landing.batch (file_id, source_system, feed, received_date, state,"
            " rows_read, rows_accepted, rows_quarantined, rows_dropped, code_version)"
            " select max(file_id), 'billing', 'claims', current_date, 'loaded',"
            " %s, %s, %s, %s, 'test' from landing.file",
            counts,
        )
    for status in ("open", "open", "resolved"):
        warehouse.execute(
            "insert into quality.issue (source_system, feed, rule, severity, status, message)"
            " values ('billing', 'claims', 'date', 'error', %s, 'm')",
            (status,),
        )
    port, folder = mail_server
    send(port, a_mail("<one@x>"))
    text = summary.summary(warehouse_url, folder)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "billing claims 2 1,234 1,220 11 3 all loaded" in lines
    assert "billing claims error date 2 1" in lines
    assert "star.fact_claim 0" in lines
    assert "reader@client.example, bcc@client.example An extract x.xlsx (2 KiB)" in lines


def test_the_end_of_the_demo_fits_one_screen_however_much_there_is(
    warehouse: psycopg.Connection[Any],
    warehouse_url: str,
    mail_server: tuple[int, Path],
) -> None:
    for number in range(1, 31):
        source = f"a_source_system_with_a_long_name_{number:02}"
        enter_file(warehouse, source, "claims")
        warehouse.execute(
            "insert into landing.batch (file_id, source_system, feed, received_date, state,"
            " rows_read, rows_accepted, rows_quarantined, rows_dropped, code_version)"
            " select max(file_id), %s, 'claims', current_date, 'loaded', %s, %s, 0, 0, 'test' from landing.file",
            (source, 1_000_000_000 + number, 1_000_000_000 + number),
        )
    for severity, count in (("error", 2), ("warning", 3)):
        for row in range(count):
            warehouse.execute(
                "insert into quality.issue (source_system, feed, rule, severity, row_number, message)"
                " values ('billing', 'claims', 'date', %s, %s, 'm')",
                (severity, row),
            )
    port, folder = mail_server
    for number in range(4):
        send(port, a_mail(f"<{number}@x>"))
    text = summary.on_one_screen(warehouse_url, folder)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert "1,000,000,001" in lines[1]
    assert "and 25 more source systems" in lines
    assert "Issues open  2 error, 3 warning" in lines
    assert "new issues: 5" in text
    assert "and 3 more mails" in text
    assert len(lines) + 13 <= 24  # with the addresses below it


# The Makefile -----------------------------------------------------------------------------------


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    # Under `make test` the outer make's options would come along.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=outside, capture_output=True, text=True, check=False
    )


def test_help_lists_every_target() -> None:
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.M)
    assert targets
    listed = re.findall(r"^  make ([a-z-]+) ", make().stdout, re.M)
    assert sorted(listed) == sorted(targets[1].split())
    wanted = {"set-up", "demo", "test", "lint", "up", "down", "bench", "requirements"}
    assert wanted <= set(listed)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("[ $1 = -c ] && exit 1; echo Python 3.9.2", "Python 3.11 is needed; .* is Python 3.9.2"),
        ("[ $1 = -m ] && exit 1; exit 0", "apt-get install python3.11-venv"),
    ],
    ids=["another version", "no venv module"],
)
def test_set_up_says_what_is_missing(tmp_path: Path, script: str, message: str) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n")
    python.chmod(0o755)
    done = make("set-up", f"BASE_PYTHON={python}", f"VENV={tmp_path / 'venv'}")
    assert done.returncode != 0
    assert re.search(message, done.stderr)
    assert not (tmp_path / "venv").exists()


def test_down_on_a_new_clone_has_nothing_to_do(tmp_path: Path) -> None:
    done = make("down", f"VENV={tmp_path / 'venv'}")
    assert done.returncode == 0
    assert "nothing is set up" in done.stdout
