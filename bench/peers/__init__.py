"""Workload W as others load it: a folder for each, with the packages it needs and what it does not do.

A folder has ``load.py``, which :mod:`bench.once` runs, and ``rejected.sql``, the number of rows refused.
``claims.sql``, of the folder or for all of them, gives the claims in the form of :mod:`bench.truth`.
``requirements.txt`` pins the packages of a peer, which get an environment of their own.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from local import places

FOLDER = Path(__file__).parent
ENVIRONMENTS = places.VAR / "bench" / "peers"
PEERS = ("pandas", "dlt", "dbt")
# Where contestants have their tables.
SCHEMAS = "public,billing"
# Nothing of them is told to anybody.
SILENT = {"RUNTIME__DLTHUB_TELEMETRY": "false", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}


def python(contestant: str) -> Path:
    """The Python that a contestant runs in; the environment of a peer is made where it is missing or another.

    Raises:
        subprocess.CalledProcessError: its packages cannot be installed.
    """
    requirements = FOLDER / contestant / "requirements.txt"
    if not requirements.exists():
        return Path(sys.executable)
    environment = ENVIRONMENTS / contestant
    installed, wanted = (
        environment / "installed",
        hashlib.sha256(requirements.read_bytes()).hexdigest(),
    )
    if not installed.exists() or installed.read_text() != wanted:
        print(f"installing {contestant} into {environment}", file=sys.stderr, flush=True)
        uv = str(Path(sys.executable).with_name("uv"))
        _run(uv, "venv", "-q", "--clear", "--python", sys.executable, str(environment))
        into = ["--python", str(environment / "bin" / "python")]
        _run(uv, "pip", "sync", "-q", *into, str(requirements))
        installed.write_text(wanted)
    return environment / "bin" / "python"


def query(contestant: str, name: str) -> bytes:
    """The query *name* of what *contestant* has loaded."""
    own = FOLDER / contestant / f"{name}.sql"
    file = own if own.exists() else FOLDER / f"{name}.sql"
    return file.read_text(encoding="utf-8").rstrip("\n;").encode()


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
