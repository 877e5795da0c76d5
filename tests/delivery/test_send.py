"""Each recipient gets each mail once, whenever a run dies and whatever the mail server does."""

from __future__ import annotations

import hashlib
import logging
from datetime import timedelta

import pytest
from tests.worlds.client_world import MASTER_KEY
from tests.worlds.delivery_world import (
    NOW,
    PASSWORD,
    SAFE_STEPS,
    SUMMIT,
    assert_each_has_one,
    attachment,
    disclosed,
    outbox_rows,
    publish,
    run,
    use_mail_port,
)

from claimhouse import delivery, reporting
from claimhouse.delivery import outbox


def test_the_mail_and_the_log_hold_no_phi_and_no_password(world, mailbox, caplog):
    with caplog.at_level(logging.DEBUG):
        run(world)
    for message in mailbox.parsed():
        text = message.get_body().get_content() + str(message.items())
        for secret in (PASSWORD, MASTER_KEY, "Albany", "PAT0", "CLM0"):
            assert secret not in text and secret not in caplog.text
        assert hashlib.sha256(attachment(message)[1]).hexdigest() in text


def test_a_mail_server_that_is_away_means_late_not_lost(world, mailbox, monkeypatch):
    use_mail_port(monkeypatch, 1)
    delivery.prepare(world.id, NOW)
    with pytest.raises(
        delivery.DeliveryError, match="2 of 2 mails were not sent: ConnectionRefused"
    ):
        delivery.send(world.id)
    assert [row[1:] for row in outbox_rows(world)] == [
        ("prepared", 1, "ConnectionRefusedError")
    ] * 2
    assert disclosed(world) == []
    use_mail_port(monkeypatch, mailbox.port)
    assert delivery.due(NOW + timedelta(days=40)) == [world.id]
    assert delivery.send(world.id) == 2
    assert sorted(to for (to,), _ in mailbox.mails) == world.recipients


def test_a_recipient_refused_for_good_stops_no_other(world, mailbox):
    mailbox.refuse = {"one@summit.example": "550 no such mailbox: one@summit.example"}
    delivery.prepare(world.id, NOW)
    with pytest.raises(delivery.DeliveryError) as raised:
        delivery.send(world.id)
    assert "one@summit.example" not in str(raised.value)
    assert outbox_rows(world) == [
        ("one@summit.example", "failed", 1, "RCPT 550"),
        ("two@summit.example", "sent", 1, None),
    ]
    assert delivery.due(NOW) == []
    assert [row[0] for row in disclosed(world)] == ["two@summit.example"]


def test_a_recipient_refused_for_now_waits(world, mailbox):
    mailbox.refuse = {"one@summit.example": "451 try again"}
    delivery.prepare(world.id, NOW)
    with pytest.raises(delivery.DeliveryError):
        delivery.send(world.id)
    mailbox.refuse = {}
    run(world)
    assert sorted(to for (to,), _ in mailbox.mails) == world.recipients
    assert len(disclosed(world)) == 2


@pytest.mark.parametrize("step, count", SAFE_STEPS)
def test_killed_between_any_two_steps_each_recipient_has_one_mail(
    world, mailbox, killed, step, count
):
    killed(step, count)
    run(world)
    run(world)
    assert_each_has_one(world, mailbox)


def test_two_runs_at_once_do_not_send_twice(world, mailbox, monkeypatch):
    delivery.prepare(world.id, NOW)

    def meanwhile(step):
        if step == "sending":
            with pytest.raises(delivery.DeliveryError, match="another run"):
                delivery.send(world.id)

    monkeypatch.setattr(outbox, "checkpoint", meanwhile)
    assert delivery.send(world.id) == 2
    assert len(mailbox.mails) == 2


def test_a_recipient_struck_off_gets_nothing(world, mailbox):
    delivery.prepare(world.id, NOW)
    publish(world, SUMMIT, recipients=["two@summit.example"])
    run(world)
    assert [to for (to,), _ in mailbox.mails] == ["two@summit.example"]


def test_a_client_that_left_gets_nothing(world, mailbox):
    delivery.prepare(world.id, NOW)
    (world.folder / f"{world.summit}.yaml").unlink()
    reporting.publish(world.connection, world.folder)
    assert delivery.due(NOW) == []
    assert delivery.send(world.id) == 0
    assert mailbox.mails == []
    assert list(world.extracts.iterdir()) == []
