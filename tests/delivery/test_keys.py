"""What docs/how-to/rotate-a-key.md says a rotation does."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from tests.worlds.delivery_world import NOW, SUMMIT, attachment, opened, publish, run

from claimhouse import delivery, reporting
from claimhouse.delivery import ledger


def connection(password):
    return json.dumps({"conn_type": "generic", "password": password})


def test_a_new_extract_password_holds_for_files_that_are_written_again(world, mailbox, monkeypatch):
    delivery.prepare(world.id, NOW)
    name = f"AIRFLOW_CONN_CLAIMHOUSE_EXTRACT_{world.summit}".upper()
    monkeypatch.setenv(name, connection("a new long password"))
    for file in world.extracts.glob(f"{world.summit}.*"):
        file.unlink()
    run(world)
    for message in mailbox.parsed():
        assert opened(attachment(message)[1], "a new long password")
    assert len(mailbox.mails) == 2


def test_a_new_pseudonym_key_is_refused_and_then_hides_earlier_disclosures_of_a_patient(
    world, mailbox, monkeypatch
):
    run(world)
    patient = next(
        (claim["source"], claim["patient_id"])
        for claim in world.claims
        if claim["source"] == "billing" and claim["specialty"] in SUMMIT[1] and claim["patient_id"]
    )
    assert len(ledger.disclosures(patient)) == 2
    monkeypatch.setenv("AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM", connection("another key altogether"))
    with pytest.raises(reporting.KeyChanged):
        publish(world, SUMMIT)
    world.connection.execute("delete from security.pseudonym_key")
    publish(world, SUMMIT)
    assert ledger.disclosures(patient) == []
    assert len(ledger.disclosures(client=world.summit)) == 2
    run(world, NOW + timedelta(days=31))
    assert len(ledger.disclosures(patient)) == 2
