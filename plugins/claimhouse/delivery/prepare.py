"""Preparing: write the encrypted extract of a period, and enter its mails in the outbox."""

from __future__ import annotations

import json
import logging
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from psycopg import Connection, sql

from claimhouse import connections, glossary, passwords, settings, storage, warehouse
from claimhouse.delivery import approvals, extract, letters, outbox, schedule
from claimhouse.delivery.extract import rows as extract_rows
from claimhouse.delivery.extract.model import Extract, Written
from claimhouse.delivery.model import (
    ClientNames,
    ColumnMeaning,
    DeliveryError,
    Edition,
    Entitlement,
    RefreshProblem,
    Subscription,
)

log = logging.getLogger(__name__)

PATIENT = "patient_pseudonym"


@dataclass(frozen=True)
class _File:
    """A file on disk, the columns of the report that it shows, and the editions it was read from."""

    name: str
    written: Written
    columns: list[str]
    editions: list[Edition]


def prepare(subscription_id: str, now: datetime | None = None) -> str:
    """Write the encrypted extract of the current period, and enter its mails in the outbox.

    Also rewrites files of earlier periods that wait and can no longer be sent: the file is gone,
    or the client's entitlements have changed. Where the data was not refreshed, nothing is
    written and :mod:`send` notifies the owner.

    Args:
        subscription_id: the subscription; nothing happens where it is inactive or on hold.
        now: the moment that decides the period; the present by default.

    Returns:
        *subscription_id*, for the step that sends.

    Raises:
        connections.MissingConnection: the extract's password is missing.
        extract.TooManyRows: the format does not hold the rows.
        DeliveryError: the extract's password is too weak, or another run has this subscription.
    """
    now = now or datetime.now(UTC)
    with outbox.connect() as connection, outbox.locked(connection, subscription_id):
        for subscription in outbox.active_subscriptions(connection, subscription_id):
            if subscription.held_for:
                log.info("%s is on hold", subscription_id)
                continue
            current = schedule.current_period(subscription, now)
            if _is_stale(connection, subscription, current, now) or _waits(
                connection, subscription
            ):
                continue
            waiting = outbox.waiting(connection, subscription_id)
            for period in sorted({current} | {mail.period for mail in waiting}):
                _prepare_period(connection, subscription, period, now, may_add=period == current)
    return subscription_id


def _is_stale(
    connection: Connection[Any], subscription: Subscription, period: datetime, now: datetime
) -> bool:
    """Whether the refresh of what this subscription shows has failed; enters a notice for the owner."""
    problems = _refresh_problems(connection, subscription, now)
    if not problems:
        return False
    log.warning("%s is withheld: %s", subscription.subscription_id, letters.in_words(problems))
    subscription_id, why = subscription.subscription_id, letters.in_words(problems)
    # The step that sends notifies the owner.
    warehouse.query(connection, "delivery/withheld", subscription_id, period, why)
    return True


def _waits(connection: Connection[Any], subscription: Subscription) -> bool:
    """Whether a first publication is under way: when it ends, the delivery runs again."""
    rows = warehouse.query(
        connection, "delivery/awaited", subscription.client_login, subscription.report
    )
    if rows:
        sources = ", ".join(row["source_system"] for row in rows)
        log.info("%s waits for the publication of %s", subscription.subscription_id, sources)
    return bool(rows)


def _refresh_problems(
    connection: Connection[Any], subscription: Subscription, now: datetime
) -> list[RefreshProblem]:
    """Why what this subscription shows is not the newest data."""
    refreshed_by = now - timedelta(minutes=settings.refresh_minutes())
    return warehouse.query_as(
        connection,
        RefreshProblem,
        "delivery/refresh_problems",
        subscription.client_login,
        refreshed_by,
        subscription.report,
    )


def _prepare_period(
    connection: Connection[Any],
    subscription: Subscription,
    period: datetime,
    now: datetime,
    *,
    may_add: bool,
) -> None:
    """Write the file of one period and its outbox rows, unless they are there and usable."""
    recipients = _open_recipients(connection, subscription, period, may_add=may_add)
    if not recipients:
        return
    file = _write(connection, subscription, period, now)
    outbox.checkpoint("file written")
    with connection.transaction():
        if file.written.row_count == 0 and subscription.when_empty == "withhold":
            outbox.enter(connection, subscription.subscription_id, period, recipients, None)
            (settings.extract_folder() / file.name).unlink()
        else:
            extract_id = _record(connection, subscription, period, file)
            outbox.enter(connection, subscription.subscription_id, period, recipients, extract_id)
            approvals.require_where_needed(
                connection, subscription, extract_id, file.written.row_count
            )
    outbox.checkpoint("prepared")
    log.info(
        "prepared %s: rows %s, recipients %s", file.name, file.written.row_count, len(recipients)
    )


def _open_recipients(
    connection: Connection[Any], subscription: Subscription, period: datetime, *, may_add: bool
) -> list[str]:
    """Whose mails of *period* need a new file: all that are not sent yet, or none.

    One file is for all of them: where one mail lacks a usable file, all get the new one.
    """
    mails = outbox.of_period(connection, subscription.subscription_id, period)
    recipients = [
        recipient
        for recipient in subscription.recipients
        if (may_add and recipient not in mails)
        or (recipient in mails and mails[recipient].state == "prepared")
    ]
    is_ready = all(
        recipient in mails and outbox.is_usable(subscription, mails[recipient])
        for recipient in recipients
    )
    return [] if is_ready else recipients


def _write(
    connection: Connection[Any], subscription: Subscription, period: datetime, now: datetime
) -> _File:
    """Write the file as the client's own role sees the report, from one edition of each source.

    Raises:
        DeliveryError: a publication has begun to change what the client sees.
    """
    report = subscription.report
    meanings = {
        meaning.column_name: meaning.description
        for meaning in warehouse.query_as(connection, ColumnMeaning, "delivery/definitions", report)
    }
    title = meanings.get(None) or extract.heading(report)
    password = _password(connection, subscription)
    path = _path(subscription, period)
    storage.make_private(path.parent)
    # A connection of its own: a query that was prepared for one reader must not be run for another.
    with warehouse.connect() as reading, reading.transaction():
        reading.prepare_threshold = None
        reading.execute("set transaction isolation level repeatable read, read only")
        role = sql.SQL("set local role {}").format(sql.Identifier(subscription.client_role))
        reading.execute(role)
        # Before the first query fixes what the transaction sees: in a table that is made anew
        # after that, it would see no rows.
        view = sql.Identifier("reporting", report)
        reading.execute(sql.SQL("lock table {} in access share mode").format(view))
        reading.execute("set local role none")
        editions = warehouse.query_as(
            reading, Edition, "delivery/editions", subscription.client_login
        )
        if problems := _refresh_problems(reading, subscription, now):
            raise DeliveryError(f"not prepared: {letters.in_words(problems)}")
        if _waits(reading, subscription):
            raise DeliveryError("not prepared: a source is being published for the first time")
        reading.execute(role)
        summary = _summary(reading, report)
        rows = extract_rows.stream(reading, warehouse.sql(f"reporting/{report}/rows"))
        content = Extract(
            title=title,
            client=subscription.client_title,
            period=schedule.wall_time(period, subscription.time_zone),
            filters=_filters(subscription.entitlements),
            as_of=_as_of(editions),
            privacy_level=subscription.privacy_level,
            definitions={name: text for name, text in meanings.items() if name is not None},
            rows=rows if subscription.detail else None,
            summary=summary,
            units=_units([*rows.schema, *(summary.columns if summary is not None else ())]),
        )
        with closing(rows):
            written = extract.write(content, subscription.format, password, path, _patients)
    columns = list(rows.schema) if subscription.detail or summary is None else summary.columns
    return _File(path.name, written, columns, editions)


def _as_of(editions: list[Edition]) -> datetime | None:
    """The oldest state among *editions*; None where nothing was ever loaded."""
    return min((edition.as_of for edition in editions if edition.as_of), default=None)


def _password(connection: Connection[Any], subscription: Subscription) -> str:
    """The password of the client's extracts.

    Raises:
        connections.MissingConnection: there is none.
        DeliveryError: it is too weak, or another client has it too.
    """
    client, name = subscription.client, settings.extract_connection(subscription.client)
    password = connections.password(name)
    names_of = {
        other.client: other.names
        for other in warehouse.query_as(connection, ClientNames, "delivery/client_names")
    }
    known = connections.passwords({other: settings.extract_connection(other) for other in names_of})
    if problem := passwords.problem(name, client, password, names_of[client], known):
        raise DeliveryError(problem)
    return password


def _path(subscription: Subscription, period: datetime) -> Path:
    suffix = extract.FORMATS[subscription.format].suffix
    name = f"{subscription.subscription_id}.{period:%Y%m%dT%H%MZ}.{suffix}"
    return settings.extract_folder() / name


def _summary(connection: Connection[Any], report: str) -> pl.DataFrame | None:
    """The report's summary; None where it has none. Small: it is shown on a page."""
    path = f"reporting/{report}/summary"
    if not (settings.INCLUDE / "sql" / f"{path}.sql").exists():
        return None
    rows = extract_rows.stream(connection, warehouse.sql(path))
    with closing(rows):
        frames: list[pl.DataFrame] = [pl.DataFrame(schema=rows.schema), *rows]
    summary: pl.DataFrame = pl.concat(frames)
    return summary


def _units(columns: list[str]) -> dict[str, str]:
    """The units of those *columns* that have one."""
    return {column: unit for column in columns if (unit := glossary.unit_of(column))}


def _patients(frame: pl.DataFrame) -> set[str]:
    """The pseudonyms of the patients with a row in *frame*."""
    if PATIENT not in frame.columns:
        return set()
    return set(frame[PATIENT].drop_nulls().unique())


def _record(
    connection: Connection[Any], subscription: Subscription, period: datetime, file: _File
) -> int:
    """Enter a file that was written, and the patients whose rows it holds; returns its id."""
    inserted = warehouse.query(
        connection,
        "delivery/extract",
        subscription.subscription_id,
        period,
        subscription.report,
        subscription.format,
        subscription.privacy_level,
        subscription.reason,
        file.name,
        file.written.checksum,
        file.written.size,
        file.written.row_count,
        file.columns,
        _as_of(file.editions),
        json.dumps(subscription.entitlements),
        json.dumps({edition.source_system: edition.edition for edition in file.editions}),
    )
    extract_id = int(inserted[0]["extract_id"])
    patients = sorted(file.written.patients)
    warehouse.query(connection, "delivery/extract_patient", extract_id, patients)
    return extract_id


def _filters(entitlements: list[Entitlement]) -> str:
    """The entitlements as a person reads them: ``billing: orthopedist, physical therapist``."""
    by_source: dict[str, list[str]] = {}
    for source, value, *_ in entitlements:
        shown = "all" if value == "*" else value.replace("_", " ")
        by_source.setdefault(source, []).append(shown)
    return "; ".join(f"{source}: {', '.join(names)}" for source, names in by_source.items())
