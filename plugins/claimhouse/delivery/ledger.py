"""The disclosure ledger: everything ever sent about a patient, to a client, in a period."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

from claimhouse import warehouse
from claimhouse.delivery.model import Disclosure, MailInDoubt, Matter


class LedgerError(ValueError):
    """A question to the ledger that is not well formed."""


def disclosures(
    patient: tuple[str, str] | None = None,
    client: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Disclosure]:
    """What was sent, the oldest first, and what is or was in doubt: see the state of each.

    Args:
        patient: a source system and its id of the patient; any patient by default. Files with a
            row of the patient count; a file of counts and sums discloses no patient.
        client: the client; any by default.
        since: the first moment.
        until: the moment before which.
    """
    source, identifier = patient or (None, None)
    with warehouse.connect() as connection:
        return warehouse.query_as(
            connection, Disclosure, "delivery/ledger", source, identifier, client, since, until
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that :func:`answer` reads."""
    parser.add_argument("--patient", metavar="SOURCE:ID", help="of whom a row was sent")
    parser.add_argument("--client", help="to which client")
    parser.add_argument("--from", dest="since", type=date.fromisoformat, help="the first day (UTC)")
    parser.add_argument(
        "--to", dest="until", type=date.fromisoformat, help="the day after the last day (UTC)"
    )


def answer(given: argparse.Namespace) -> list[Disclosure]:
    """The disclosures that the options of :func:`add_arguments` select.

    Raises:
        LedgerError: the patient is not named as ``source:id``.
    """
    patient = None
    if given.patient:
        source, colon, identifier = given.patient.partition(":")
        if not (source and colon and identifier):
            raise LedgerError("a patient is <source system>:<id>, for example billing:P0001")
        patient = (source, identifier)
    return disclosures(patient, given.client, _midnight(given.since), _midnight(given.until))


def as_csv(rows: Sequence[Disclosure] | Sequence[MailInDoubt] | Sequence[Matter]) -> str:
    """*rows* as csv with a header; empty where there are none."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(asdict(rows[0])), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({name: _as_text(value) for name, value in asdict(row).items()})
    return text.getvalue()


def _as_text(value: Any) -> Any:
    """*value* in one field: ``billing 12, clinic 3`` of a mapping."""
    if isinstance(value, list):
        return " ".join(value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {content}" for name, content in value.items())
    return value


def _midnight(day: date | None) -> datetime | None:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None
