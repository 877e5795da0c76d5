"""Extracts: prepared as the client's own role, encrypted, mailed once, logged.

Comes in: subscriptions and the views of ``reporting``. Goes out: mails, and a ledger of every
disclosure. May not know how a view comes about.
"""

from __future__ import annotations

from claimhouse.delivery.outbox import (
    DeliveryError,
    approvals_to_ask,
    checkpoint,
    decide,
    due,
    hold,
    in_doubt,
    main,
    period,
    prepare,
    release,
    resolve,
    send,
)

__all__ = [
    "DeliveryError",
    "approvals_to_ask",
    "checkpoint",
    "decide",
    "due",
    "hold",
    "in_doubt",
    "main",
    "period",
    "prepare",
    "release",
    "resolve",
    "send",
]
