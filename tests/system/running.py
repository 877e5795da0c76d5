"""Whole systems that tests start: each in a folder of its own, by the commands a person uses."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import dataclass
from pathlib import Path

import psycopg
from tests.system.state import State, mail_state, warehouse_state

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class System:
    """A system on which the demo runs, or has run.

    Attributes:
        folder: what ``CLAIMHOUSE_VAR`` names.
        settings: environment variables of its own.
    """

    folder: Path
    settings: dict[str, str]

    def begin(self, module: str, *arguments: str) -> subprocess.Popen[str]:
        """Start ``python -m`` *module*, as the Makefile does."""
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        """The variables of its commands."""
        strange = ("AIRFLOW", "CLAIMHOUSE", "WAREHOUSE_URL", "LANDING")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
        own = {"CLAIMHOUSE_VAR": str(self.folder), "PYTHONPATH": f"{ROOT}:{ROOT}/plugins"}
        return kept | own | self.settings

    def run(self, module: str, *arguments: str) -> str:
        """What ``python -m`` *module* prints.

        Raises:
            AssertionError: it failed.
        """
        return ended_well(self.begin(module, *arguments))

    @property
    def warehouse(self) -> str:
        """The warehouse's address, as the system left it behind for people."""
        text = (self.folder / "warehouse.env").read_text()
        (address,) = re.findall("^WAREHOUSE_URL=(.*)$", text, re.MULTILINE)
        return str(address).strip("'")

    @property
    def secrets(self) -> dict[str, str]:
        """Its secrets, by name."""
        lines = (self.folder / "local.env").read_text().splitlines()
        pairs = (line.split("=", 1) for line in lines if "=" in line)
        return {pair[0]: pair[1].strip("'\"") for pair in pairs}

    def state(self) -> State:
        """Its warehouse and its mails, by natural keys."""
        prefix = "EXTRACT_PASSWORD_"
        passwords = {
            name.removeprefix(prefix).lower(): value
            for name, value in self.secrets.items()
            if name.startswith(prefix)
        }
        with psycopg.connect(self.warehouse, autocommit=True) as connection:
            return warehouse_state(connection) | mail_state(self.folder / "mail", passwords)


def on_a_terminal(
    command: list[str], rows: int, columns: int, environment: dict[str, str] | None = None
) -> str:
    """What *command* shows on a terminal of that size, without colors and moves of the cursor.

    Raises:
        AssertionError: it failed.
    """
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    own = {"TERM": "xterm-256color"}
    with subprocess.Popen(
        command, cwd=ROOT, env=(environment or dict(os.environ)) | own,
        stdin=its, stdout=its, stderr=its, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(its)
        output = b""
        with contextlib.suppress(OSError):  # the terminal's other end is closed
            while data := os.read(ours, 65536):
                output += data
        os.close(ours)
    text = output.decode(errors="replace").replace("\r\n", "\n")
    assert process.returncode == 0, text[-3000:]
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def ended_well(process: subprocess.Popen[str]) -> str:
    """What *process* printed, once it has ended.

    Raises:
        AssertionError: it failed.
    """
    output, errors = process.communicate()
    assert process.returncode == 0, output[-3000:] + errors[-3000:]
    return output
