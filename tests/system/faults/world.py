"""A server of its own with a warehouse after its first day, and copies of it to be disturbed."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psutil
import psycopg
from local import embedded, samples
from tests.system.faults.stages import Running, Stage, Starter
from tests.system.state import State, mail_state, warehouse_state

from claimhouse import schema

# The sources whose second day is disturbed, and the subscription that shows it.
SOURCES = {
    "billing": "summit_ortho.monthly_claims",
    "hospital": "unitedhealthcare.monthly_procedures",
    "clinic": None,
    "pended": None,
}
# Of each file of the samples: enough for a row of each kind, and a day takes a second or two.
ROWS = 120
# In the names of the files that were there on the first day.
FIRST_DAY = {
    "billing": ("20260105",),
    "hospital": ("20260105",),
    "clinic": ("20251201",),
    "pended": ("2026-01-05", "Sample", "directory"),
}
MASTER_KEY = "an example of a master key"
PASSWORDS = {
    "summit_ortho": "correct horse battery staple",
    "unitedhealthcare": "another horse battery staple",
}
DISK_MIB, SMALL_DISK_MIB = 1500, 48
FIRST = "first_day"
ARRIVED = datetime(2026, 1, 10, tzinfo=UTC)


class Server:
    """The Postgres server, its disks, and the warehouse of the first day.

    Attributes:
        folder: everything lies below it.
        has_disks: whether small disks could be mounted; without them no disk of the warehouse is filled.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="claimhouse-faults-"))
        self.folder.chmod(0o755)
        self.disk, self.small_disk = self.folder / "disk", self.folder / "small"
        sizes = {self.disk: DISK_MIB, self.small_disk: SMALL_DISK_MIB}
        for folder in sizes:
            folder.mkdir()
        self.has_disks = all(_mounted(folder, size) for folder, size in sizes.items())
        self.data = self.disk / "pg"
        self.address = embedded.start(self.data)
        with psycopg.connect(self.address, autocommit=True) as connection:
            # Only processes are killed here, not the machine.
            connection.execute("alter system set fsync = off")
            connection.execute("alter system set max_wal_size = '128MB'")
            connection.execute("alter system set min_wal_size = '32MB'")
            connection.execute("select pg_reload_conf()")
        self.mails: list[subprocess.Popen[bytes]] = []
        self.starter = Starter(self.folder / "outcomes")
        self.files = _cut_samples()

    def leave_out(self, mark: str) -> None:
        """Deliver no file with *mark* in its name."""
        self.files = {place: file for place, file in self.files.items() if mark not in place[1]}

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Kill the server with all its processes."""
        family = self._family()
        for process in family:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)
        psutil.wait_procs(family, 5)

    def kill_one_process(self, rng: random.Random) -> None:
        """Kill one session's process: the server ends all others and recovers."""
        with contextlib.suppress(psutil.Error, IndexError):
            server, *_ = self._family()
            sessions = [child for child in server.children() if "claimhouse" in _title(child)]
            rng.choice(sessions or server.children()).kill()

    def restart(self) -> None:
        """Start the server again where it has ended, and wait until it answers."""
        end = time.monotonic() + 60
        while True:
            try:
                embedded.start(self.data)
                with psycopg.connect(self.address):
                    return
            except (subprocess.SubprocessError, psycopg.OperationalError, OSError):
                assert time.monotonic() < end, (self.data / "log").read_text()[-2000:]
                time.sleep(0.05)

    def await_answer(self) -> None:
        """Wait until the server answers, which somebody else starts again if it was killed."""
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(self.address):
                return
            time.sleep(0.1)

    def close(self) -> None:
        """Stop the server and the mail servers, and remove everything."""
        for mail in self.mails:
            mail.kill()
            mail.wait()
        embedded.stop(self.data)
        if self.has_disks:
            for folder in (self.disk, self.small_disk):
                subprocess.run(["umount", "-l", folder], check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _family(self) -> list[psutil.Process]:
        with contextlib.suppress(OSError, ValueError, psutil.Error):
            pid = int((self.data / "postmaster.pid").read_text().split()[0])
            server = psutil.Process(pid)
            return [server, *server.children()]
        return []


def _title(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def _mounted(folder: Path, mebibytes: int) -> bool:
    """Mount a disk of a size at *folder*; False where that is not allowed."""
    options = ["-o", f"size={mebibytes}m,mode=755"]
    command = ["mount", "-t", "tmpfs", *options, "tmpfs", str(folder)]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def _cut_samples() -> dict[tuple[str, str], bytes]:
    """The files of the samples by source and name, the first rows of each."""
    files = {}
    for made in samples.make():
        for name, content in made.files.items():
            if made.source in SOURCES:
                files[made.source, name] = _cut(content) if name.endswith(".csv") else content
    return files


def _cut(content: bytes) -> bytes:
    lines = io.StringIO(content.decode(), newline="")
    cut = io.StringIO(newline="")
    writer = csv.writer(cut, lineterminator="\n")
    for number, row in enumerate(csv.reader(lines)):
        if number <= ROWS:
            writer.writerow(row)
    return cut.getvalue().encode()


@dataclass
class World:
    """A warehouse with its folders and its mail server.

    Attributes:
        database: its name on the server.
        now: the moment of the deliveries.
    """

    server: Server
    database: str
    now: datetime
    mail: subprocess.Popen[bytes] | None = None
    port: int = 0
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder = self.server.folder / self.database
        # The archive and the extracts share a small disk.
        self.archive = self.server.small_disk / self.database / "archive"
        self.extracts = self.server.small_disk / self.database / "extracts"
        for folder in (self.folder / "landing", self.folder / "mail", self.archive, self.extracts):
            folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = self._settings()

    @property
    def url(self) -> str:
        """The warehouse's address."""
        return embedded.url_of(self.server.address, self.database)

    def url_as(self, role: str) -> str:
        """The warehouse's address for *role*."""
        return urlunsplit(urlsplit(self.url)._replace(netloc=f"{role}@"))

    def _settings(self) -> dict[str, str]:
        extra = {"disable_ssl": True, "disable_tls": True, "from_email": "us@claimhouse.example",
                 "timeout": 10}  # fmt: skip
        mail = {"conn_type": "smtp", "host": "127.0.0.1", "port": self.port, "extra": extra}
        passwords = {
            f"EXTRACT_{client}".upper(): password for client, password in PASSWORDS.items()
        }
        passwords["PSEUDONYM"] = MASTER_KEY
        connections = {"MAIL": mail} | {
            name: {"conn_type": "generic", "password": password}
            for name, password in passwords.items()
        }
        return {
            "WAREHOUSE_URL": self.url,
            "CLAIMHOUSE_LANDING_ROOT": f"file://{self.folder}/landing",
            "CLAIMHOUSE_CORRECTIONS_ROOT": f"file://{self.folder}/corrections",
            "CLAIMHOUSE_ARCHIVE_ROOT": f"file://{self.archive}",
            "CLAIMHOUSE_EXTRACT_FOLDER": str(self.extracts),
            "CLAIMHOUSE_SETTLE_SECONDS": "0",
            "POLARS_MAX_THREADS": "2",
        } | {
            f"AIRFLOW_CONN_CLAIMHOUSE_{name}": json.dumps(value)
            for name, value in connections.items()
        }

    def start_mail(self) -> None:
        """Start the mail server, again where it was killed."""
        if self.mail is not None:
            self.mail.kill()
            self.mail.wait()
        command = [sys.executable, "-m", "tests.system.faults.mail", str(self.port)]
        self.mail = subprocess.Popen(
            [*command, str(self.folder / "mail")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.server.mails.append(self.mail)

    def await_mail(self) -> None:
        """Wait until the mail server answers; it is started where none was needed yet."""
        if self.mail is None:
            self.start_mail()
        end = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            assert time.monotonic() < end, "the mail server does not start"
            time.sleep(0.05)

    def deliver_files(self, source: str, *, first: bool) -> None:
        """Lay the files of the first or the second day into the landing root, one a minute."""
        names = [name for of, name in self.server.files if of == source]
        for minute, name in enumerate(names):
            if any(mark in name for mark in FIRST_DAY[source]) == first:
                path = self.folder / "landing" / source / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(self.server.files[source, name])
                at = (ARRIVED + timedelta(minutes=minute)).timestamp()
                os.utime(path, (at, at))

    def start(self, stage: Stage, file_bytes: int | None = None) -> Running:
        """Start a stage as a process."""
        return self.server.starter.start(stage, self.environment, file_bytes)

    def state(self, *, with_reports: bool = True) -> State:
        """Its warehouse and its mails, by natural keys; with what readers see unless told otherwise."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            state = warehouse_state(connection, with_reports=with_reports)
        return state | mail_state(self.folder / "mail", PASSWORDS)

    def close(self) -> None:
        """End its mail server and drop it."""
        if self.mail is not None:
            self.mail.kill()
            self.mail.wait()
        with psycopg.connect(self.server.address, autocommit=True) as connection:
            connection.execute(f'drop database if exists "{self.database}" with (force)')
        shutil.rmtree(self.folder)
        shutil.rmtree(self.server.small_disk / self.database)


def first_day(server: Server) -> World:
    """The world of the first day, empty but for the schema and the files."""
    schema.upgrade(embedded.create_database(server.address, FIRST))
    world = World(server, FIRST, datetime.now(UTC) - timedelta(days=45))
    for source in SOURCES:
        world.deliver_files(source, first=True)
    return world


@contextlib.contextmanager
def second_day(server: Server, name: str, source: str) -> Iterator[World]:
    """A copy of the first day's world, to which the second day's files of *source* have come."""
    embedded.create_database(server.address, name, template=FIRST)
    world = World(server, name, datetime.now(UTC))
    try:
        landing = server.folder / FIRST / "landing"
        shutil.copytree(landing, world.folder / "landing", dirs_exist_ok=True)
        old = f"{server.folder}/{FIRST}/"
        with psycopg.connect(world.url, autocommit=True) as connection:
            _move(connection, old, f"{server.folder}/{name}/")
        world.deliver_files(source, first=False)
        yield world
    finally:
        server.restart()
        world.close()


def _move(connection: psycopg.Connection[tuple[str, ...]], old: str, new: str) -> None:
    """Let what the manifest says of files below *old* hold below *new*."""
    columns = connection.execute(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'landing' and data_type = 'text' and column_name like '%path'"
        " and table_name in (select table_name from information_schema.tables"
        " where table_schema = 'landing' and table_type = 'BASE TABLE')"
    ).fetchall()
    for table, column in columns:
        connection.execute(
            f"update landing.{table} set {column} = replace({column}, %s, %s)"
            f" where {column} like %s",
            (old, new, f"%{old}%"),
        )
