"""Airflow connections from files, so that each container has those of its own work.

Production mounts each service the files it needs (``docker-compose.yaml``), and names this class as
Airflow's secrets backend.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from airflow.sdk.bases.secrets_backend import BaseSecretsBackend  # noqa: TID253 (Airflow loads it)

LINE = re.compile(r"AIRFLOW_CONN_(\w+)=(.+)")


class SecretFiles(BaseSecretsBackend):
    """Reads ``AIRFLOW_CONN_<ID>=<JSON or URL>`` lines, as they might stand in the environment.

    Empty lines and lines that begin with ``#`` are skipped. A file is read at each look-up: what was
    rotated is used at once.

    Args:
        files: the paths; the first file that has a connection decides.

    Raises:
        ValueError: a line is neither a connection nor a comment. Only its number is told.
        OSError: a file cannot be read.
    """

    def __init__(self, files: Sequence[str]) -> None:
        super().__init__()
        self.files = [Path(file) for file in files]
        for file in self.files:
            _connections(file)

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        """The JSON or URL of the connection *conn_id*; None if no file has it."""
        for file in self.files:
            value = _connections(file).get(conn_id.upper())
            if value is not None:
                return value
        return None

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        """None: Claimhouse uses no Airflow variables."""
        return None

    def get_config(self, key: str) -> str | None:
        """None: Airflow's own secrets have files of their own."""
        return None


def _connections(file: Path) -> dict[str, str]:
    """The connections of *file*, by id in upper case."""
    found = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        match = LINE.fullmatch(text)
        if match is None:
            raise ValueError(f"{file}, line {number}: must be AIRFLOW_CONN_<ID>=<JSON or URL>")
        found[match[1].upper()] = match[2]
    return found
