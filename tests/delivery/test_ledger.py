"""The ledger has every disclosure, and answers by patient, client and period."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from tests.worlds.client_world import COLUMNS
from tests.worlds.delivery_world import (
    CHICAGO,
    SUMMIT,
    attachment,
    disclosed,
    run,
)

from claimhouse import delivery
from claimhouse.delivery import ledger


def test_the_ledger_tells_what_was_sent(world, mailbox):
    run(world)
    assert disclosed(world) == sorted(
        (
            message["To"],
            message["Message-ID"],
            hashlib.sha256(attachment(message)[1]).hexdigest(),
            len(world.expected(world.summit, SUMMIT)),
        )
        for message in mailbox.parsed()
    )
    logged = world.connection.execute(
        "select distinct client, report, privacy_level, reason, column_names, period, as_of"
        " from delivery.disclosure"
    ).fetchall()
    assert logged[0][:5] == (
        world.summit, "claims_by_specialty_month", "limited", "benefit administration", list(COLUMNS),
    )  # fmt: skip
    assert logged[0][5] == datetime(2026, 3, 1, 6, tzinfo=CHICAGO)
    for change in ("delete from", "truncate"):
        with pytest.raises(Exception, match="never changed"):
            world.connection.execute(f"{change} delivery.disclosure")


def test_the_ledger_answers_by_patient_client_and_period(world, mailbox, capsys):
    run(world)
    seen = {c["patient_id"] for c in world.claims
            if c["source"] == "billing" and c["specialty"] in SUMMIT[1] and c["patient_id"]}  # fmt: skip
    unseen = {c["patient_id"] for c in world.claims
              if c["source"] == "billing" and c["patient_id"]} - seen  # fmt: skip
    for patient in sorted(seen)[:5]:
        found = ledger.disclosures(("billing", patient))
        assert sorted(row.recipient for row in found) == world.recipients
    for patient in sorted(unseen)[:5] or ["PAT9999"]:
        assert ledger.disclosures(("billing", patient)) == []
    patient = min(seen)
    assert ledger.disclosures(("clinic", patient)) == []
    assert ledger.disclosures(("billing", patient), client=world.harbor) == []
    held = world.connection.execute(
        "select count(*) from delivery.extract_patient where patient_pseudonym = %s",
        (world.pseudonym(world.summit, "patient", "billing", patient),),
    ).fetchone()
    assert held == (1,)

    today = datetime.now(UTC).date()
    window = ["--from", str(today - timedelta(days=1)), "--to", str(today + timedelta(days=1))]
    delivery.main(["ledger", "--patient", f"billing:{patient}", "--client", world.summit, *window])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and lines[0].startswith("disclosed_at,state,client,recipient,report")
    delivery.main(["ledger", "--client", world.summit, "--to", str(today - timedelta(days=1))])
    assert capsys.readouterr().out == ""
    with pytest.raises(SystemExit):
        delivery.main(["ledger", "--patient", "PAT0001"])
