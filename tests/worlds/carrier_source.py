"""A source system ``carrier`` whose contracts a test writes, to try layouts of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.worlds.feeds import take_in_all

from claimhouse import contracts, settings

SOURCE = "carrier"
CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: urn:claimhouse:carrier:{feed}
name: {feed}
version: 1.0.0
status: active
domain: carrier
customProperties:
  - {{property: {recognition}, value: "{pattern}"}}
  - {{property: dialect, value: {dialect}}}
schema:
  - name: {feed}
    logicalType: object
    properties:
{columns}
"""
CLAIM = "{logicalType: string, physicalType: text, required: true, primaryKey: true, classification: identifier}"
TEXT = "{logicalType: string, physicalType: text, classification: public}"
MONEY = (
    "{logicalType: number, physicalType: 'numeric(9,2)', classification: financial, tags: [amount]}"
)
PAID = {"claim": CLAIM, "member": TEXT, "paid": MONEY}
LINE = {"claim": CLAIM, "line": CLAIM, "code": TEXT, "paid": MONEY}


class Carrier:
    """The source, its landing folder and what became of its files."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        folder: Path,
        landing_root: Path,
        patch: pytest.MonkeyPatch,
    ) -> None:
        self.connection = connection
        self.folder = landing_root / SOURCE
        self.folder.mkdir()
        include = folder / "include"
        self.contracts = include / "schemas" / SOURCE
        self.contracts.mkdir(parents=True)
        for entry in settings.INCLUDE.iterdir():
            if entry.name != "schemas":
                (include / entry.name).symlink_to(entry)
        patch.setattr(settings, "INCLUDE", include)

    def describes(
        self,
        feed: str,
        dialect: dict[str, Any],
        columns: dict[str, str] | None = None,
        pattern: str = "*",
    ) -> Path:
        """Write the contract of *feed*; an empty *pattern* is for a feed recognized by content."""
        lines = (
            f"      - {{name: {name}, {rules[1:]}" for name, rules in (columns or PAID).items()
        )
        file = self.contracts / f"{feed}.yaml"
        text = CONTRACT.format(
            feed=feed,
            recognition="filePattern" if pattern else "recognize",
            pattern=pattern or "content",
            dialect=json.dumps(dialect),  # JSON is YAML
            columns="\n".join(lines),
        )
        file.write_text(text)
        contracts.load(file)
        return file

    def sends(self, name: str, content: bytes) -> list[str]:
        """Deliver a file and take it in; the states of its batches."""
        (self.folder / name).write_bytes(content)
        return take_in_all(SOURCE)

    def rows(
        self, feed: str, columns: str = "row_number, claim, member, paid::text"
    ) -> list[tuple[Any, ...]]:
        """The accepted rows of *feed*, in the order of the file."""
        query = f"select {columns} from source_{SOURCE}.{feed} order by batch_id, row_number"
        return self.connection.execute(query).fetchall()  # type: ignore[arg-type]

    def newest(
        self, feed: str, columns: str = "row_number, claim, member, paid::text"
    ) -> list[tuple[Any, ...]]:
        """The accepted rows of the last batch."""
        query = (
            f"select {columns} from source_{SOURCE}.{feed}"
            " where batch_id = (select max(batch_id) from landing.batch) order by row_number"
        )
        return self.connection.execute(query).fetchall()  # type: ignore[arg-type]

    def aside(self) -> list[tuple[Any, ...]]:
        """Each quarantined row: feed, row number, what came."""
        query = "select feed, row_number, raw_row from quality.quarantine order by feed, row_number"
        return self.connection.execute(query).fetchall()

    def issues(self) -> list[tuple[Any, ...]]:
        """Each issue: row, column, rule, severity."""
        query = (
            "select row_number, column_name, rule, severity from quality.issue order by issue_id"
        )
        return self.connection.execute(query).fetchall()

    def messages(self) -> str:
        """What the issues say."""
        rows = self.connection.execute("select message from quality.issue order by issue_id")
        return "\n".join(message for (message,) in rows)
