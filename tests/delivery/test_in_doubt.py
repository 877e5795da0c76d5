"""Mails whose run, or server, died between the last byte and the answer."""

from __future__ import annotations

import pytest
from tests.worlds.delivery_world import (
    NOW,
    OWNER,
    SAFE_STEPS,
    assert_each_has_one,
    mails_of,
    outbox_rows,
    run,
)

from claimhouse import delivery
from claimhouse.delivery import ledger


@pytest.mark.parametrize(
    "step, count, arrived, verdict",
    [("sending", 2, 1, "resend"), ("accepted", 1, 1, "arrived"), ("accepted", 2, 2, "arrived")],
)
def test_killed_before_the_servers_answer_was_heard_the_mail_is_in_doubt(
    world, mailbox, killed, step, count, arrived, verdict
):
    """Nobody can know: it is not sent again, the owner is notified once, the ledger counts it."""
    killed(step, count)
    assert len(mails_of(world, mailbox)) == arrived
    run(world)
    run(world)
    assert [row[1] for row in outbox_rows(world)].count("in_doubt") == 1
    assert delivery.due(NOW) == []
    (doubt,) = delivery.in_doubt()
    (notice,) = [mail for mail in mailbox.parsed() if mail["To"] == OWNER]
    assert doubt.message_id in notice.get_content() and str(doubt.outbox_id) in notice.get_content()
    assert doubt.recipient not in notice.get_content()
    states = {row.recipient: row.state for row in ledger.disclosures(client=world.summit)}
    assert states == dict.fromkeys(world.recipients, "sent") | {doubt.recipient: "in doubt"}

    delivery.main(["resolve", str(doubt.outbox_id), verdict, "--reason", "the server's log"])
    run(world)
    assert_each_has_one(world, mailbox)
    with pytest.raises(SystemExit):
        delivery.main(["resolve", str(doubt.outbox_id), verdict, "--reason", "the server's log"])


@pytest.mark.parametrize(
    "step, count", [*SAFE_STEPS[2:6], ("sending", 1), ("accepted", 1), ("accepted", 2)]
)
def test_with_a_journal_a_mail_is_never_in_doubt(world, mailbox, journal, killed, step, count):
    """The journal is a mailbox that gets a copy in the same transaction, and can be asked."""
    mailbox.journal = journal
    killed(step, count)
    run(world)
    run(world)
    assert_each_has_one(world, mailbox)
    assert delivery.in_doubt() == []


def test_a_mail_that_may_still_come_to_the_journal_is_waited_for(
    world, mailbox, journal, killed, monkeypatch
):
    monkeypatch.setenv("CLAIMHOUSE_JOURNAL_MINUTES", "15")
    killed("accepted", 1)  # taken, and not yet brought to the journal
    with pytest.raises(delivery.DeliveryError, match="the journal may not have it yet"):
        run(world)
    assert len(mails_of(world, mailbox)) == 2  # the other recipient does not wait
    mailbox.bring(journal)
    run(world)
    assert_each_has_one(world, mailbox)


def test_a_server_that_goes_silent_after_the_last_byte_leaves_a_doubt(world, mailbox, monkeypatch):
    mailbox.silent = True
    monkeypatch.setattr("claimhouse.delivery.mail.VERDICT_SECONDS", 0.3)
    delivery.prepare(world.id, NOW)
    with pytest.raises(delivery.DeliveryError, match="in doubt"):
        delivery.send(world.id)
    mailbox.silent = False
    run(world)
    assert {row[1] for row in outbox_rows(world)} == {"in_doubt"}
    assert len(mails_of(world, mailbox)) == 2
