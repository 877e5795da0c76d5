"""Extracts on their way: written as the client's own role, encrypted, mailed once, logged.

Comes in: subscriptions, approved dashboards among them, and the views of the schema ``reporting``.
Goes out: mails, and a ledger of every disclosure. May not know how a view comes about.

In order of a delivery: :mod:`schedule` (which period is due), :mod:`prepare` (the file, by
:mod:`extract`), :mod:`approvals`, :mod:`send` (by a module of :mod:`transports`, with a text of
:mod:`letters`, through :mod:`mail`), :mod:`ledger`. All of them keep their state in :mod:`outbox`.
Whether a dashboard may be mailed: :mod:`dashboards`.
"""

from __future__ import annotations

from claimhouse.delivery.approvals import approvals_to_ask, decide
from claimhouse.delivery.commands import main
from claimhouse.delivery.holds import hold, release
from claimhouse.delivery.model import DeliveryError, NotMailed
from claimhouse.delivery.notices import needs_a_person
from claimhouse.delivery.outbox import in_doubt, resolve
from claimhouse.delivery.prepare import prepare
from claimhouse.delivery.schedule import due, period
from claimhouse.delivery.send import notify_owner, send

__all__ = [
    "DeliveryError",
    "NotMailed",
    "approvals_to_ask",
    "decide",
    "due",
    "hold",
    "in_doubt",
    "main",
    "needs_a_person",
    "notify_owner",
    "period",
    "prepare",
    "release",
    "resolve",
    "send",
]
