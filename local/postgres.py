"""The Postgres server of the local system, with the databases of Airflow and of the warehouse."""

from __future__ import annotations

import contextlib
import subprocess
import time
from urllib.parse import quote

import psutil
import psycopg
from filelock import FileLock
from psycopg import sql

from local import embedded, places, processes

NAME = "postgres"
PORTAL_ROLE = "claimhouse_portal"
RECOVERY_SECONDS = 120


def start() -> tuple[str, str]:
    """Start the server and create its two databases if they are missing.

    Returns:
        The ``postgresql://`` URLs of Airflow's database and of the warehouse.

    Raises:
        SystemExit: the server does not start.
    """
    with _lock():
        processes.write_part(NAME, "")  # from now on the supervisor starts it again
        _clear_after_a_crash()
        server = _started(time.monotonic() + RECOVERY_SECONDS)
    metadata = embedded.create_database(server, "airflow")
    warehouse = embedded.create_database(server, "warehouse")
    return with_safe_path(metadata), with_safe_path(warehouse)


def let_the_portal_in(warehouse: str, password: str) -> None:
    """Let the portal's role log in. The log of the server sees no plain password."""
    with psycopg.connect(warehouse) as connection:
        verifier = connection.pgconn.encrypt_password(
            password.encode(), PORTAL_ROLE.encode(), b"scram-sha-256"
        )
        connection.execute(
            sql.SQL("alter role {} login password {}").format(
                sql.Identifier(PORTAL_ROLE), sql.Literal(verifier.decode())
            )
        )


def _started(deadline: float) -> str:
    """Start the server, which after a crash replays its log first; that may take a while."""
    while True:
        try:
            server = embedded.start(places.POSTGRES)
            with psycopg.connect(server):
                return server
        except (subprocess.SubprocessError, psycopg.OperationalError, FileNotFoundError) as error:
            if time.monotonic() > deadline:
                log = places.POSTGRES / "log"
                raise SystemExit(f"Postgres does not start, see {log}: {error}") from None
            time.sleep(1)


def is_running() -> bool:
    """Whether the server runs; it may still be replaying its log."""
    file = places.POSTGRES / "postmaster.pid"
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        server = psutil.Process(int(file.read_text().split("\n", 1)[0]))
        return server.status() != psutil.STATUS_ZOMBIE and _is_of_the_server(server)
    return False


def _is_of_the_server(process: psutil.Process) -> bool:
    """Whether *process* is of the server with our data folder, where its processes work."""
    if "postgres" not in process.name():
        return False
    try:
        return process.cwd() == str(places.POSTGRES)
    except psutil.AccessDenied:  # root in a container may not look at other users' processes
        return True


def revive() -> bool:
    """Start the server again if it has ended, and was not stopped on purpose.

    Returns:
        Whether it was started.

    Raises:
        subprocess.CalledProcessError: it does not start; see its log.
    """
    with _lock():
        if not processes.part_file(NAME).exists() or is_running():
            return False
        _clear_after_a_crash()
        embedded.start(places.POSTGRES)
        return True


def stop() -> None:
    """Stop the server if it runs."""
    places.RUN.mkdir(parents=True, exist_ok=True)
    with _lock():
        processes.part_file(NAME).unlink(missing_ok=True)
        _clear_after_a_crash()
        embedded.stop(places.POSTGRES)


def _lock() -> FileLock:
    return FileLock(places.RUN / f"{NAME}.lock")


def with_safe_path(address: str) -> str:
    """*address* with the socket's folder quoted so that a shell and every driver can read it."""
    head, _, folder = address.partition("?host=")
    return f"{head.replace(':@', '@')}?host={quote(folder, safe='/')}"


def _clear_after_a_crash() -> None:
    """Remove what keeps a server from starting after a crash.

    That is processes of a killed server (one in the midst of a long statement does not notice, and
    holds the shared memory), and files that name a pid which now belongs to another program.
    """
    if is_running():
        return
    orphans = _processes_of_the_server()
    for process in orphans:
        with contextlib.suppress(psutil.Error):
            process.kill()
    file = places.POSTGRES / "postmaster.pid"
    # Until it is gone from the list of processes its pid counts as that of a running server.
    with contextlib.suppress(OSError, ValueError, psutil.Error):
        server = psutil.Process(int(file.read_text().split("\n", 1)[0]))
        if server.status() == psutil.STATUS_ZOMBIE:
            orphans.append(server)
    psutil.wait_procs(orphans, timeout=5)
    file.unlink(missing_ok=True)
    (places.POSTGRES / ".s.PGSQL.5432.lock").unlink(missing_ok=True)


def _processes_of_the_server() -> list[psutil.Process]:
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if "postgres" in process.name() and process.cwd() == str(places.POSTGRES):
                members.append(process)
    return members
