"""Which period is due, also on days when the clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.worlds.delivery_world import (
    CHICAGO,
    NOW,
    run,
)

from claimhouse import delivery


@pytest.mark.parametrize(
    "schedule, zone, now, tick",
    [
        ("0 6 1 * *", "America/Chicago", "2026-03-01T12:00+00:00", "2026-03-01T12:00+00:00"),
        ("0 6 1 * *", "America/Chicago", "2026-03-01T11:59:58+00:00", "2026-02-01T12:00+00:00"),
        ("0 6 * * *", "America/Chicago", "2026-03-09T00:00+00:00", "2026-03-08T11:00+00:00"),
        ("0 6 * * *", "America/Chicago", "2026-11-02T00:00+00:00", "2026-11-01T12:00+00:00"),
        ("30 2 * * *", "America/Chicago", "2026-03-08T18:00+00:00", "2026-03-08T08:30+00:00"),
        ("0 0 * * 1", "Asia/Kolkata", "2026-03-15T18:30:00+00:00", "2026-03-15T18:30+00:00"),
    ],
)
def test_the_period_is_the_latest_tick_in_the_subscriptions_zone(schedule, zone, now, tick):
    found = delivery.period(schedule, zone, datetime.fromisoformat(now))
    assert found == datetime.fromisoformat(tick)


@pytest.mark.parametrize(
    "schedule, now, ticks",
    [
        # 02:30 does not exist on the day the clock goes forward: one period, not none
        ("30 2 * * *", "2026-03-08T00:00", 1),
        # 01:30 exists twice on the day it goes back: one period, not two
        ("30 1 * * *", "2026-11-01T00:00", 1),
        # every hour of the wall clock
        ("0 * * * *", "2026-03-08T00:00", 23),
        ("0 * * * *", "2026-11-01T00:00", 24),
    ],
)
def test_a_day_on_which_the_clock_is_set_loses_no_period_and_doubles_none(schedule, now, ticks):
    start = datetime.fromisoformat(now).replace(tzinfo=CHICAGO).astimezone(UTC)
    day = datetime.fromisoformat(now).date()
    found = {
        delivery.period(schedule, "America/Chicago", start + timedelta(minutes=step))
        for step in range(0, 25 * 60 + 1, 5)
    }
    assert len([period for period in found if period.astimezone(CHICAGO).date() == day]) == ticks


def test_a_period_is_sent_once_and_the_next_one_again(world, mailbox):
    run(world)
    assert delivery.due(NOW) == []
    run(world)
    delivery.send(delivery.prepare(world.id, NOW))
    assert len(mailbox.mails) == 2
    run(world, NOW + timedelta(days=31))
    assert len(mailbox.mails) == 4
    assert len({message["Message-ID"] for message in mailbox.parsed()}) == 4
