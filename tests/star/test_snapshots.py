"""The statements of a load, rendered: what a change of a template changes.

``make snapshots`` renews them; review the difference like any other code.
"""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest

from claimhouse import show, star, verification

SNAPSHOTS = Path(__file__).parent / "snapshots"
SOURCES = ("billing", "hospital")


def rendered(source: str) -> dict[str, str]:
    """The statements that load each table of *source* later on and, where they differ, at first."""
    with psycopg.connect(os.environ["WAREHOUSE_URL"]) as connection:
        star.create_mappings(connection, source)
        tables = star.tables_of(star.Load(connection, source, ()))
    texts = {}
    for table in tables:
        later = show.as_text(show.show(f"star/{table}", source, is_first=False))
        first = show.as_text(show.show(f"star/{table}", source, is_first=True))
        texts[f"{source}.{table}.sql"] = later
        if first != later:
            texts[f"{source}.{table}.first.sql"] = first
    return texts


@pytest.mark.parametrize("source", SOURCES)
def test_a_load_runs_the_statements_of_the_snapshots(source: str, warehouse_url: str) -> None:
    verification.ensure_tables(source)
    texts = rendered(source)
    if os.environ.get("RENEW_SNAPSHOTS"):
        for file in SNAPSHOTS.glob(f"{source}.*.sql"):
            file.unlink()
        for name, text in texts.items():
            (SNAPSHOTS / name).write_text(text, encoding="utf-8")
    kept = {
        file.name: file.read_text(encoding="utf-8") for file in SNAPSHOTS.glob(f"{source}.*.sql")
    }
    assert texts == kept, "run `make snapshots` and review what changed"


def test_sql_is_shown_for_what_a_room_renders_it_with(warehouse_url: str) -> None:
    verification.ensure_tables("billing")
    with psycopg.connect(warehouse_url) as connection:
        star.create_mappings(connection, "billing")
    ((file, text),) = show.show("verification/table", "billing.claims")
    assert file == "verification/table" and "source_billing.claims" in text
    ((_, text),) = show.show("mapping/billing/dim_patient")
    assert "source_billing.patients" in text
    files = {file for file, _ in show.show("star/timeline", "billing")}
    assert files == {"star/timeline"}


@pytest.mark.parametrize(
    ("file", "subject", "why"),
    [
        ("star/fact_claim", None, "needs a source system: billing, "),
        ("star/fact_claim", "billing", "has no view source_billing.star_.*: load billing once"),
        ("verification/table", "billing", "needs a feed: billing.claims"),
        ("nowhere/nothing", None, "there is no SQL file nowhere/nothing"),
        ("verification/nothing", "billing.claims", "there is no SQL file verification/nothing"),
        ("metrics/metric", None, "cannot be rendered by itself"),
    ],
)
def test_what_cannot_be_shown_is_explained(file, subject, why, warehouse_url) -> None:
    with pytest.raises(show.ShowError, match=why):
        show.show(file, subject)


def test_the_command_prints_and_ends_well(warehouse_url, capsys) -> None:
    show.main(["mapping/billing/dim_patient"])
    assert capsys.readouterr().out.startswith("-- mapping/billing/dim_patient\n")
    with pytest.raises(SystemExit) as ended:
        show.main(["star/fact_claim", "nowhere"])
    assert ended.value.code == 1
    assert "claimhouse show: star/fact_claim needs a source system" in capsys.readouterr().err
