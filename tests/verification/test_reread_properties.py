"""Whatever the order of files and of changes to the contract, batches end as a fresh warehouse would have them."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from tests.worlds.ledger_source import HEADER, Ledger
from tests.worlds.properties import examples

from claimhouse import contracts, reverify

DATES = ("[YYYY-MM-DD]", "[YYYY-MM-DD, DD.MM.YYYY]")
STATUSES = ((), ("Paid", "Denied"), ("Paid", "Denied", "Open"))


@dataclass(frozen=True)
class Said:
    """What a contract says, from strict to lenient."""

    dates: int
    statuses: int
    is_synonym: bool
    is_positive: bool


@dataclass(frozen=True)
class File:
    """A file that arrives."""

    rows: tuple[tuple[str, bool, str, str], ...]
    is_other_header: bool


ROW = st.tuples(
    st.sampled_from("abcd"), st.booleans(), st.sampled_from(["5", "7", "-5", "x"]),
    st.sampled_from(["Paid", "Denied", "Open", "Gone"]),
)  # fmt: skip
FILE = st.builds(File, st.lists(ROW, min_size=1, max_size=5).map(tuple), st.booleans())
SAID = st.builds(
    Said, st.integers(0, 1), st.integers(0, 2), st.booleans(), st.booleans()
)  # fmt: skip


def describe(ledger: Ledger, rows: str, said: Said) -> None:
    ledger.describe(rows=rows)
    file = ledger.include / "schemas/ledger/claims.yaml"
    text = file.read_text()
    text = text.replace(
        "[YYYY-MM-DD]}]\n      - name: cost", f"{DATES[said.dates]}}}]\n      - name: cost"
    )
    synonym = "        synonyms: [{synonym: amount_paid}]\n" if said.is_synonym else ""
    text = text.replace("name: paid\n", f"name: paid\n        required: true\n{synonym}")
    if said.is_positive:
        text = text.replace(
            "        tags: [amount]\n      - name: paid",
            "        logicalTypeOptions: {minimum: 0}\n        tags: [amount]\n      - name: paid",
        )
    if values := STATUSES[said.statuses]:
        enum = ", ".join(f"{{value: {value}}}" for value in values)
        text = text.replace(
            "        classification: financial\n\n",
            f"        classification: financial\n        enum: [{enum}]\n",
        )
    file.write_text(text)


def lay(ledger: Ledger, number: int, file: File) -> None:
    header = HEADER.replace("paid", "amount_paid") if file.is_other_header else HEADER
    rows = [
        f"{claim},{'02.01.2024' if is_dotted else '2024-01-02'},{cost},3,{status},"
        for claim, is_dotted, cost, status in file.rows
    ]
    filler = [f"filler {number},2024-01-02,1,1,Paid," for number in range(5 * len(rows))]
    path = ledger.landing / f"claims_{number}.csv"
    path.write_text("\n".join([header, *rows, *filler]) + "\n")
    os.utime(path, (1_720_000_000 + 86_400 * number,) * 2)


def held(ledger: Ledger) -> dict[str, Any]:
    """What the warehouse holds, apart from its own numbers and times."""
    name = "regexp_replace(f.file_name, '.*/', '')"
    joined = "landing.batch as b inner join landing.file as f using (file_id)"
    return {
        "batches": ledger.rows(
            f"select {name}, b.state, b.rows_read, b.rows_accepted, b.rows_quarantined, b.rows_dropped,"
            f" b.amounts from {joined} order by 1"
        ),
        "rows": ledger.rows(
            f"select {name}, c.row_number, c.claim, c.day, c.cost, c.paid, c.status"
            f" from source_ledger.claims as c inner join {joined} using (batch_id) order by 1, 2"
        ),
        "quarantine": ledger.rows(
            f"select {name}, q.row_number, q.record_key, q.raw_row"
            f" from quality.quarantine as q inner join {joined} using (batch_id) order by 1, 2"
        ),
        "issues": ledger.rows(
            f"select {name}, i.row_number, i.column_name, i.rule, i.severity"
            f" from quality.issue as i inner join {joined} using (batch_id)"
            " where i.status = 'open' and i.rule not like 'soda:%' order by 1, 2, 3, 4"
        ),
        "claims": ledger.rows(
            "select claim_id, total_cost, paid_amount, version_count, service_date from star.fact_claim order by 1"
        ),
        "versions": ledger.rows(
            "select claim_id, version_number, total_cost_delta, paid_amount_delta"
            " from star.fact_claim_version order by 1, 2"
        ),
    }


@pytest.mark.parametrize("rows", ["state", "transaction"])
@pytest.mark.parametrize("is_asked", [False, True])
def test_batches_end_as_in_a_fresh_warehouse(
    ledger: Ledger, tmp_path: Path, rows: str, is_asked: bool
) -> None:
    @examples(2, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(SAID, st.lists(FILE, max_size=2)), min_size=2, max_size=3))
    def holds(steps: list[tuple[Said, list[File]]]) -> None:
        ledger.forget()
        if not is_asked:
            # Accepted rows follow when somebody asks: a contract that only accepts more leaves them as they are.
            steps = [
                (
                    Said(
                        *map(max, zip(*(vars(s).values() for s, _ in steps[: n + 1]), strict=True))
                    )
                    if n
                    else said,
                    files,
                )
                for n, (said, files) in enumerate(steps)
            ]
            steps = [
                (Said(s.dates, 1 + s.statuses // 2, s.is_synonym, is_positive=False), files)
                for s, files in steps
            ]
        number = 0
        for said, files in steps:
            describe(ledger, rows, said)
            for file in files:
                number += 1
                lay(ledger, number, file)
            ledger.run()
        if is_asked:
            reverify.ask(reverify.chosen(contracts.of("ledger", "claims")))
            ledger.run()
        found = held(ledger)
        kept = shutil.copytree(ledger.landing, tmp_path / "kept", dirs_exist_ok=True)
        ledger.forget()
        for path in sorted(kept.iterdir()):
            shutil.move(path, ledger.landing / path.name)
        ledger.run()
        assert found == held(ledger)

    holds()
