"""The disclosure ledger: everything ever sent about a patient, to a client, in a period."""

from __future__ import annotations

import argparse
import csv
import io
from datetime import UTC, date, datetime
from typing import Any

from claimhouse import warehouse


class LedgerError(ValueError):
    """A question that cannot be asked so."""


def disclosures(
    patient: tuple[str, str] | None = None,
    client: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[dict[str, Any]]:
    """What was sent, the oldest first; with it what may have been, marked ``in doubt``.

    Args:
        patient: a source system and its id of the patient; any patient when left out. A file
            counts where it has a row of the patient; counts and sums name nobody.
        client: to whom; anybody when left out.
        since: the first moment.
        until: the moment before which.
    """
    source, identifier = patient or (None, None)
    with warehouse.connect() as connection:
        return warehouse.query(
            connection, "delivery/ledger", source, identifier, client, since, until
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The questions on the command line."""
    parser.add_argument("--patient", metavar="SOURCE:ID", help="of whom a row was sent")
    parser.add_argument("--client", help="to whom")
    parser.add_argument("--from", dest="since", type=date.fromisoformat, help="the first day (UTC)")
    parser.add_argument(
        "--to", dest="until", type=date.fromisoformat, help="the day after the last"
    )


def asked(given: argparse.Namespace) -> list[dict[str, Any]]:
    """The answer to the questions of :func:`add_arguments`.

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


def as_csv(rows: list[dict[str, Any]]) -> str:
    """*rows* as csv with a header; nothing where there are none."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(
                {
                    name: " ".join(value) if isinstance(value, list) else value
                    for name, value in row.items()
                }
            )
    return text.getvalue()


def _midnight(day: date | None) -> datetime | None:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None
