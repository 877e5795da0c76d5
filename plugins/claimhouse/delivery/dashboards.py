"""Dashboards by mail: whether one may be mailed now, and that its owner is told where it may not.

What an approved one shows, and whether it may be mailed, a room above this one knows: whoever prepares and sends
says it (:class:`claimhouse.delivery.model.Dashboards`). Without that, none is mailed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection

from claimhouse import warehouse
from claimhouse.delivery.model import Drawn, NotMailed, Subscription

log = logging.getLogger(__name__)


class _Unknown:
    """Knows none, and so lets none be mailed."""

    def title(self, subscription: Subscription) -> str:
        raise NotMailed(self.problem(subscription))

    def problem(self, subscription: Subscription) -> str:
        return "this run knows no dashboards"

    def reports(self, subscription: Subscription) -> Sequence[str]:
        raise NotMailed(self.problem(subscription))

    def draw(self, reading: Connection[Any], subscription: Subscription) -> Drawn:
        raise NotMailed(self.problem(subscription))


UNKNOWN = _Unknown()


def refuse(
    connection: Connection[Any], subscription: Subscription, period: datetime, why: str
) -> None:
    """Enter a notice for the owner; the step that sends mails it."""
    log.warning("%s is not mailed: %s", subscription.subscription_id, why)
    warehouse.query(connection, "delivery/not_mailed", subscription.subscription_id, period, why)


def allow(connection: Connection[Any], subscription: Subscription) -> None:
    """Take back the notices of :func:`refuse`."""
    if subscription.is_dashboard:
        warehouse.query(connection, "delivery/may_be_mailed", subscription.subscription_id)
