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


@pytest.mark.parametrize("password", ["x", "a long one of {}", "aaaaaaaaaaaaaaaa"])
def test_a_weak_password_is_refused_at_publication_and_when_a_file_is_written(
    world, mailbox, monkeypatch, password
):
    password = password.format(world.summit)
    name = f"claimhouse_extract_{world.summit}"
    monkeypatch.setenv(f"AIRFLOW_CONN_{name}".upper(), connection(password))
    refusal = f"connection {name} is too weak for the extracts of {world.summit}: "
    with pytest.raises(reporting.ReportingError, match=refusal) as raised:
        publish(world, SUMMIT)
    assert f": {password}" not in str(raised.value)
    with pytest.raises(delivery.DeliveryError, match=refusal):
        delivery.prepare(world.id, NOW)
    assert not world.extracts.exists() or list(world.extracts.iterdir()) == []


def test_two_clients_may_not_have_one_password_nor_the_owner_a_bad_address(world, monkeypatch):
    subscription = {
        "name": "monthly", "report": "claims_by_specialty_month", "format": "csv", "schedule": "0 6 1 * *",
        "time_zone": "UTC", "recipients": ["a@harbor.example"], "transport": "attachment", "reason": "r",
    }  # fmt: skip
    world.write(world.harbor, ("billing", ["heart_surgeon"]), subscriptions=[subscription])
    for client in (world.harbor, world.summit):
        name = f"AIRFLOW_CONN_CLAIMHOUSE_EXTRACT_{client}".upper()
        monkeypatch.setenv(name, connection("the same for both"))
    monkeypatch.setenv("CLAIMHOUSE_OWNER_EMAIL", "owner")
    with pytest.raises(reporting.ReportingError) as raised:
        publish(world, SUMMIT)
    for part in (
        f"{world.harbor} has the same",
        f"{world.summit} has the same",
        "CLAIMHOUSE_OWNER_EMAIL",
    ):
        assert part in str(raised.value)
    assert "the same for both" not in str(raised.value)
