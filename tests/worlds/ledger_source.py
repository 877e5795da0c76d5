"""A source of claims whose contract the test chooses, loaded from its files to the star."""

from __future__ import annotations

import itertools
import os
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from claimhouse import checks, ingest, review, settings
from claimhouse import warehouse as sql_files

SOURCE = "ledger"
CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: urn:claimhouse:ledger:claims
name: Claims of the ledger
version: 1.0.0
status: active
domain: ledger
description: {{purpose: Claims that a test makes}}
customProperties:
  - {{property: filePattern, value: "claims*"}}
  - {{property: dialect, value: {{format: csv, delimiter: ","}}}}
  - {{property: rows, value: {rows}}}
{version_column}
schema:
  - name: claims
    logicalType: object
    properties:
      - name: claim
        logicalType: string
        physicalType: text
        primaryKey: true
        required: true
        classification: identifier
      - name: day
        logicalType: date
        physicalType: date
        required: true
        classification: date
        customProperties: [{{property: dateFormats, value: [YYYY-MM-DD]}}]
      - name: cost
        logicalType: number
        physicalType: numeric(12,2)
        classification: financial
        tags: [amount]
      - name: paid
        logicalType: number
        physicalType: numeric(12,2)
        classification: financial
        tags: [amount]
      - name: status
        logicalType: string
        physicalType: text
        classification: financial
{status_property}
      - name: changed
        logicalType: date
        physicalType: date
        classification: date
        customProperties: [{{property: dateFormats, value: [YYYY-MM-DD]}}]
"""
HEADER = "claim,day,cost,paid,status,changed"
MAPPING = """
select
    'ledger' as source_system,
    claim as claim_id,
    status as claim_status,
    day as service_date,
    cost as total_cost,
    paid as paid_amount,
    changed as version_at,
    batch_id,
    row_number
from source_ledger.claims
"""
LISTED = "        customProperties: [{property: referenceList, value: claim_status}]"


class Ledger:
    """The source ``ledger``: claims with a cost and what was paid, and one mapping."""

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        folder: Path,
        landing: Path,
        patch: pytest.MonkeyPatch,
    ) -> None:
        self.connection = connection
        self.landing = landing / SOURCE
        self.landing.mkdir(exist_ok=True)
        self.include = folder / "include"
        shutil.copytree(settings.INCLUDE, self.include)
        patch.setattr(settings, "INCLUDE", self.include)
        patch.setattr(
            sql_files._files.loader, "searchpath", [str(settings.CODE), str(self.include / "sql")]
        )
        self._moments = itertools.count(1_720_000_000, 86_400)
        self.describe()
        self.write("sql/mapping/ledger/fact_claim.sql", MAPPING)

    def describe(
        self, rows: str = "state", version_column: str | None = None, is_listed: bool = False
    ) -> None:
        """Write the contract."""
        version = f"  - {{property: versionColumn, value: {version_column}}}"
        text = CONTRACT.format(
            rows=rows,
            version_column=version if version_column else "",
            status_property=LISTED if is_listed else "",
        )
        self.write("schemas/ledger/claims.yaml", text)
        forget_files()

    def write(self, name: str, text: str) -> None:
        """Write a file of the include folder."""
        (self.include / name).parent.mkdir(parents=True, exist_ok=True)
        (self.include / name).write_text(text)

    def deliver(self, name: str, *rows: str) -> None:
        """Lay a file into the landing root; each arrives a day after the one before."""
        # enough good rows that no check holds the file for its bad ones
        filler = [f"filler {number},2024-01-02,1,1,Paid," for number in range(5 * len(rows))]
        file = self.landing / name
        file.write_text("\n".join([HEADER, *rows, *filler]) + "\n")
        moment = next(self._moments)
        os.utime(file, (moment, moment))

    def run(self) -> None:
        """Bring what waits to the star, and check all of it."""
        ingest.run(SOURCE)
        checks.scan_star(SOURCE, everything=True)

    def loads(self, *files: list[str]) -> None:
        """Deliver and load *files*, one after the other."""
        for rows in files:
            self.deliver(f"claims_{next(self._moments)}.csv", *rows)
            self.run()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What *query* finds."""
        return self.connection.execute(query).fetchall()  # type: ignore[arg-type]

    def claims(self) -> dict[str, tuple[Decimal | None, Decimal | None]]:
        """Cost and payment of each claim of the star."""
        return {
            claim: (cost, paid)
            for claim, cost, paid in self.rows(
                "select claim_id, total_cost, paid_amount from star.fact_claim"
                " where claim_id !~ 'filler'"
            )
        }

    def current(self) -> dict[str, tuple[Decimal | None, Decimal | None]]:
        """The same of the view of the source table."""
        return {
            claim: (cost, paid)
            for claim, cost, paid in self.rows(
                "select claim, cost, paid from source_ledger.claims_current where claim !~ 'filler'"
            )
        }

    def summed(self) -> dict[str, tuple[Decimal, Decimal]]:
        """The same as the sum of the versions."""
        return {
            claim: (cost, paid)
            for claim, cost, paid in self.rows(
                "select claim_id, sum(total_cost_delta), sum(paid_amount_delta)"
                " from star.fact_claim_version where claim_id !~ 'filler' group by 1"
            )
        }

    def issues(self, status: str = "open") -> list[tuple[Any, ...]]:
        """Rule, record key and severity of the issues of rows."""
        return self.rows(
            "select rule, record_key, severity from quality.issue where row_number is not null"
            f" and status = '{status}' order by 1, 2, 3"
        )

    def correct(self, key: str, **changes: str) -> str:
        """Correct the first open issue of a record."""
        ((issue,),) = self.rows(
            "select min(issue_id) from quality.issue"
            f" where record_key = '{key}' and status = 'open' and severity = 'error'"
        )
        return review.correct(issue, changes)

    def forget(self) -> None:
        """Empty the source and its star."""
        self.connection.execute(
            "drop schema if exists source_ledger cascade;"
            "truncate star.fact_claim, star.fact_claim_change, landing.file, landing.batch, quality.issue,"
            " quality.quarantine, quality.check_result restart identity cascade"
        )
        for file in self.landing.iterdir():
            file.unlink()


def forget_files() -> None:
    """Read SQL files again."""
    sql_files._files.cache.clear()  # type: ignore[union-attr]
