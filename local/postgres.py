"""The Postgres server of the local system, with the databases of Airflow and of the warehouse."""

from __future__ import annotations

import contextlib
import subprocess
import time
from urllib.parse import quote

import psutil
import psycopg

from local import embedded, places

RECOVERY_SECONDS = 120


def start() -> tuple[str, str]:
    """Start the server and create its two databases if they are missing.

    Returns:
        The ``postgresql://`` URLs of Airflow's database and of the warehouse.

    Raises:
        SystemExit: the server does not start.
    """
    _forget_stale_postmaster()
    deadline = time.monotonic() + RECOVERY_SECONDS
    while True:
        try:
            server = embedded.start(places.POSTGRES)
            with psycopg.connect(server):
                break
        except (subprocess.SubprocessError, psycopg.OperationalError, FileNotFoundError) as error:
            # After a crash the server replays its log first, which may take a while.
            if time.monotonic() > deadline:
                log = places.POSTGRES / "log"
                raise SystemExit(f"Postgres does not start, see {log}: {error}") from None
            time.sleep(1)
    metadata = embedded.create_database(server, "airflow")
    warehouse = embedded.create_database(server, "warehouse")
    return with_safe_path(metadata), with_safe_path(warehouse)


def stop() -> None:
    """Stop the server if it runs."""
    _forget_stale_postmaster()
    embedded.stop(places.POSTGRES)


def with_safe_path(address: str) -> str:
    """*address* with the socket's folder quoted so that a shell and every driver can read it."""
    head, _, folder = address.partition("?host=")
    return f"{head.replace(':@', '@')}?host={quote(folder, safe='/')}"


def _forget_stale_postmaster() -> None:
    """Remove a pid file left by a crash if its pid now belongs to another program."""
    file = places.POSTGRES / "postmaster.pid"
    if not file.exists():
        return
    pid = file.read_text().split("\n", 1)[0].strip()
    with contextlib.suppress(psutil.Error, ValueError):
        if "postgres" in psutil.Process(int(pid)).name():
            return
    file.unlink()
