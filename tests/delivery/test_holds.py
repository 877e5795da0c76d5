"""Clients whose deliveries are on hold."""

from __future__ import annotations

import pytest
from tests.worlds.delivery_world import (
    NOW,
    SUMMIT,
    mails_of,
    publish,
    run,
)

from claimhouse import delivery


def test_a_client_on_hold_gets_nothing_until_it_is_released(world, mailbox):
    delivery.prepare(world.id, NOW)
    delivery.main(["hold", world.summit, "--reason", "a dispute"])
    assert delivery.due(NOW) == []
    assert delivery.send(delivery.prepare(world.id, NOW)) == 0
    assert mailbox.mails == []
    delivery.main(["release", world.summit])
    run(world)
    assert mails_of(world, mailbox) == world.recipients
    with pytest.raises(SystemExit):
        delivery.main(["release", world.summit])
    with pytest.raises(SystemExit):
        delivery.main(["hold", world.summit, "--reason", " "])


def test_a_hold_in_the_client_file_holds_too(world, mailbox):
    publish(world, SUMMIT, hold="the agreement has run out")
    assert delivery.due(NOW) == []
    assert delivery.send(delivery.prepare(world.id, NOW)) == 0
    publish(world, SUMMIT)
    run(world)
    assert len(mailbox.mails) == 2
