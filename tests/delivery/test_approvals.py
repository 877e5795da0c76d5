"""Extracts that leave only after a person has approved them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.worlds.delivery_world import (
    NOW,
    SUMMIT,
    mails_of,
    outbox_rows,
    publish,
    run,
)

from claimhouse import delivery
from claimhouse.delivery.approvals import jumps as is_a_jump


def test_the_first_delivery_and_a_jump_wait_for_a_persons_word(world, mailbox):
    approval = {"first": True, "when_rows_change_by": 2.0}
    publish(world, SUMMIT, approval=approval)
    run(world)
    (asked,) = delivery.approvals_to_ask()
    count = len(world.expected(world.summit, SUMMIT))
    assert asked["why"] == "the first delivery" and asked["row_count"] == str(count)
    assert asked["recipients"] == 2
    run(world)
    assert mailbox.mails == [] and delivery.approvals_to_ask() == [] and delivery.due(NOW) == []
    # The worker may have died before it asked.
    world.connection.execute(
        "update delivery.approval set asked_at = asked_at - interval '2 hours'"
    )
    assert delivery.approvals_to_ask() == [asked]
    (matter,) = delivery.needs_a_person(world.id)
    assert (matter.kind, matter.extract_id) == ("approval waiting", asked["extract_id"])
    assert delivery.decide(asked["extract_id"], may_be_sent=True, by="maria") == world.id
    assert delivery.decide(asked["extract_id"], may_be_sent=False, by="late") is None
    run(world)
    assert mails_of(world, mailbox) == world.recipients
    run(world, NOW + timedelta(days=31))  # as many rows: nobody is asked
    assert len(mailbox.mails) == 4

    few = ("billing", ["physical_therapist"])
    fewer = len(world.expected(world.summit, few))
    assert fewer * 2 < count
    publish(world, few, approval=approval)
    run(world, NOW + timedelta(days=62))
    (asked,) = delivery.approvals_to_ask()
    assert asked["previous_row_count"] == str(count) and asked["row_count"] == str(fewer)
    delivery.decide(asked["extract_id"], may_be_sent=False, by="maria")
    run(world, NOW + timedelta(days=62))
    assert len(mailbox.mails) == 4
    assert [row[1] for row in outbox_rows(world)][-2:] == ["refused", "refused"]
    assert list(world.extracts.iterdir()) == []


@pytest.mark.parametrize("previous, count, ratio, jumps", [
    (100, 200, 2, False), (100, 201, 2, True), (100, 50, 2, False), (100, 49, 2, True),
    (0, 1, 9, True), (1, 0, 9, True), (0, 0, 9, False), (1, 1_000, None, False),
])  # fmt: skip
def test_what_counts_as_a_jump(previous, count, ratio, jumps):
    assert is_a_jump(previous, count, ratio) is jumps
