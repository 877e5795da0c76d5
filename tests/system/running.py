"""Whole systems that tests start: each in a folder of its own, by the commands a person uses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
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
        strange = ("AIRFLOW", "CLAIMHOUSE", "WAREHOUSE_URL", "LANDING")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
        own = {"CLAIMHOUSE_VAR": str(self.folder), "PYTHONPATH": f"{ROOT}:{ROOT}/plugins"}
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT, env=kept | own | self.settings, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

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


def ended_well(process: subprocess.Popen[str]) -> str:
    """What *process* printed, once it has ended.

    Raises:
        AssertionError: it failed.
    """
    output, errors = process.communicate()
    assert process.returncode == 0, output[-3000:] + errors[-3000:]
    return output
