"""Schedules: which period of a subscription is due, and which subscriptions have mails to send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter
from psycopg import Connection

from claimhouse.delivery import outbox
from claimhouse.delivery.model import Subscription

# No clock is set back by more than this at once.
LONGEST_CLOCK_CHANGE = timedelta(hours=3)


def period(schedule: str, time_zone: str, now: datetime) -> datetime:
    """The period that is due at *now*: the latest tick of *schedule* at or before it.

    The schedule follows the zone's wall clock. An hour that occurs twice has its ticks once, the
    first time. A tick in an hour that is skipped comes as long after the hour before as usual.

    Args:
        schedule: a cron expression of five fields.
        time_zone: the IANA zone of the schedule.
        now: an aware datetime.
    """
    zone = ZoneInfo(time_zone)
    wall = now.astimezone(zone).replace(tzinfo=None, fold=0)
    ticks = croniter(schedule, wall + LONGEST_CLOCK_CHANGE)
    while True:
        tick: datetime = ticks.get_prev(datetime)
        if (moment := tick.replace(tzinfo=zone).astimezone(UTC)) <= now:
            return moment


def next_period(schedule: str, time_zone: str, now: datetime) -> datetime:
    """The first tick of *schedule* after *now*; see :func:`period`."""
    zone = ZoneInfo(time_zone)
    wall = now.astimezone(zone).replace(tzinfo=None, fold=0)
    ticks = croniter(schedule, wall - LONGEST_CLOCK_CHANGE)
    while True:
        tick: datetime = ticks.get_next(datetime)
        if (moment := tick.replace(tzinfo=zone).astimezone(UTC)) > now:
            return moment


def has_begun(subscription: Subscription, period: datetime) -> bool:
    """Whether *period* is one of the subscription's: none before it was approved is."""
    return subscription.starts_at is None or period >= subscription.starts_at


def current_period(subscription: Subscription, now: datetime) -> datetime:
    """The period of *subscription* that is due at *now*."""
    return period(subscription.schedule, subscription.time_zone, now)


def wall_time(moment: datetime, time_zone: str) -> str:
    """*moment* on a clock in *time_zone*: ``2026-03-01 06:00 America/Chicago``."""
    return f"{moment.astimezone(ZoneInfo(time_zone)):%Y-%m-%d %H:%M} {time_zone}"


def wall_day(moment: datetime, time_zone: str) -> str:
    """The same with the day of the week: ``Sunday, 2026-03-01 06:00 America/Chicago``."""
    return f"{moment.astimezone(ZoneInfo(time_zone)):%A}, {wall_time(moment, time_zone)}"


def due(now: datetime | None = None) -> list[str]:
    """The ids of the subscriptions that have something to send, be it a notice to the owner.

    A client on hold is sent nothing, and a subscription that was dropped neither: they are here
    where a mail of theirs must be settled, or the owner notified.

    Args:
        now: the moment that decides the period of each; the present by default.
    """
    now = now or datetime.now(UTC)
    with outbox.connect() as connection:
        outbox.tidy(connection)
        to_send = {
            subscription.subscription_id
            for subscription in outbox.active_subscriptions(connection)
            if not subscription.held_for and _is_due(connection, subscription, now)
        }
        to_settle = {mail.subscription_id for mail in outbox.unsettled(connection)}
        to_notify = {notice.subscription_id for notice in outbox.notices_due(connection)}
        return sorted(to_send | to_settle | to_notify)


def _is_due(connection: Connection[Any], subscription: Subscription, now: datetime) -> bool:
    current = current_period(subscription, now)
    mails = outbox.of_period(connection, subscription.subscription_id, current)
    # A mail that waits for approval has its row, and no run can do more about it.
    if has_begun(subscription, current) and set(subscription.recipients) - set(mails):
        return True
    return bool(outbox.waiting(connection, subscription.subscription_id))
