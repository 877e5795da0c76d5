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
from psycopg import Connection, errors, sql

from claimhouse import connections, glossary, passwords, settings, storage, warehouse
from claimhouse.delivery import approvals, dashboards, extract, letters, outbox, schedule
from claimhouse.delivery.extract import rows as extract_rows
from claimhouse.delivery.extract.model import Extract, Written
from claimhouse.delivery.model import (
    ClientNames,
    ColumnMeaning,
    Dashboards,
    DeliveryError,
    Edition,
    Entitlement,
    NotMailed,
    RefreshProblem,
    Subscription,
)

log = logging.getLogger(__name__)

PATIENT = "patient_pseudonym"


@dataclass(frozen=True)
class _File:
    """A file on disk, the columns that it shows, the editions it was read from, and how old it is."""

    name: str
    written: Written
    columns: list[str]
    editions: list[Edition]
    as_of: datetime | None


def prepare(
    subscription_id: str,
    now: datetime | None = None,
    *,
    known: Dashboards = dashboards.UNKNOWN,
) -> str:
    """Write the encrypted extract of the current period, and enter its mails in the outbox.

    Also rewrites files of earlier periods that wait and can no longer be sent: the file is gone,
    or the client's entitlements have changed. Where the data was not refreshed, nothing is
    written and :mod:`send` notifies the owner; nor is it where a dashboard may not be mailed.

    Args:
        subscription_id: the subscription; nothing happens where it is inactive or on hold.
        now: the moment that decides the period; the present by default.
        known: what knows dashboards; without it none is mailed.

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
            periods = {mail.period for mail in outbox.waiting(connection, subscription_id)}
            if schedule.has_begun(subscription, current):
                periods.add(current)
            if not periods:
                continue
            try:
                reports = _reports(connection, subscription, known)
                if _is_stale(connection, subscription, reports, current, now) or _waits(
                    connection, subscription, reports
                ):
                    continue
                for period in sorted(periods):
                    _prepare_period(
                        connection, subscription, period, now, known, may_add=period == current
                    )
            except NotMailed as error:
                dashboards.refuse(connection, subscription, current, str(error))
            else:
                dashboards.allow(connection, subscription)
    return subscription_id


def _reports(
    connection: Connection[Any], subscription: Subscription, known: Dashboards
) -> list[str]:
    """The reports that a subscription shows.

    Raises:
        NotMailed: a dashboard may not be mailed.
    """
    if not subscription.is_dashboard:
        return [subscription.report]
    if problem := known.problem(subscription):
        raise NotMailed(problem)
    if not subscription.client_role:
        raise NotMailed("nobody reads as its login until the next publication")
    try:
        _password(connection, subscription)
    except (connections.MissingConnection, DeliveryError) as error:
        raise NotMailed(str(error)) from None
    return sorted(set(known.reports(subscription)))


def _is_stale(
    connection: Connection[Any],
    subscription: Subscription,
    reports: list[str],
    period: datetime,
    now: datetime,
) -> bool:
    """Whether the refresh of what this subscription shows has failed; enters a notice for the owner."""
    problems = _refresh_problems(connection, subscription, reports, now)
    if not problems:
        return False
    log.warning("%s is withheld: %s", subscription.subscription_id, letters.in_words(problems))
    subscription_id, why = subscription.subscription_id, letters.in_words(problems)
    # The step that sends notifies the owner.
    warehouse.query(connection, "delivery/withheld", subscription_id, period, why)
    return True


def _waits(connection: Connection[Any], subscription: Subscription, reports: list[str]) -> bool:
    """Whether a first publication is under way: when it ends, the delivery runs again."""
    rows = warehouse.query(connection, "delivery/awaited", subscription.client_login, reports)
    if rows:
        sources = ", ".join(row["source_system"] for row in rows)
        log.info("%s waits for the publication of %s", subscription.subscription_id, sources)
    return bool(rows)


def _refresh_problems(
    connection: Connection[Any], subscription: Subscription, reports: list[str], now: datetime
) -> list[RefreshProblem]:
    """Why what this subscription shows is not the newest data."""
    refreshed_by = now - timedelta(minutes=settings.refresh_minutes())
    return warehouse.query_as(
        connection,
        RefreshProblem,
        "delivery/refresh_problems",
        subscription.client_login,
        refreshed_by,
        reports,
    )


def _prepare_period(
    connection: Connection[Any],
    subscription: Subscription,
    period: datetime,
    now: datetime,
    known: Dashboards,
    *,
    may_add: bool,
) -> None:
    """Write the file of one period and its outbox rows, unless they are there and usable."""
    recipients = _open_recipients(connection, subscription, period, may_add=may_add)
    if not recipients:
        return
    file = _write(connection, subscription, period, now, known)
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
    connection: Connection[Any],
    subscription: Subscription,
    period: datetime,
    now: datetime,
    known: Dashboards,
) -> _File:
    """Write the file as the subscription's own role sees it, from one edition of each source.

    Raises:
        NotMailed: a dashboard may not be mailed.
        DeliveryError: a publication has begun to change what the client sees.
    """
    reports = _reports(connection, subscription, known)
    password = _password(connection, subscription)
    path = _path(subscription, period)
    storage.make_private(path.parent)
    # A connection of its own: a query that was prepared for one reader must not be run for another.
    with warehouse.connect() as reading, reading.transaction():
        reading.prepare_threshold = None
        reading.execute("set transaction isolation level repeatable read, read only")
        role = sql.SQL("set local role {}").format(sql.Identifier(subscription.client_role))
        _keep(reading, subscription, role, reports)
        editions = warehouse.query_as(
            reading, Edition, "delivery/editions", subscription.client_login
        )
        if problems := _refresh_problems(reading, subscription, reports, now):
            raise DeliveryError(f"not prepared: {letters.in_words(problems)}")
        if _waits(reading, subscription, reports):
            raise DeliveryError("not prepared: a source is being published for the first time")
        reading.execute(role)
        if subscription.is_dashboard:
            return _write_dashboard(reading, subscription, password, path, editions, known)
        meanings = warehouse.query_as(
            connection, ColumnMeaning, "delivery/definitions", subscription.report
        )
        return _write_extract(reading, subscription, meanings, period, password, path, editions)


def _keep(
    reading: Connection[Any], subscription: Subscription, role: sql.Composed, reports: list[str]
) -> None:
    """Keep reports as they are, before the first query fixes what is seen: one made anew after that has no rows.

    Raises:
        NotMailed: one that a dashboard shows is not published.
    """
    views = sql.SQL(", ").join(sql.Identifier("reporting", report) for report in reports)
    try:
        reading.execute(role)
        reading.execute(sql.SQL("lock table {} in access share mode").format(views))
    except (errors.UndefinedTable, errors.UndefinedObject, errors.InsufficientPrivilege):
        if not subscription.is_dashboard:
            raise
        problem = "some of what it shows is not published to its reader yet"
        raise NotMailed(problem) from None
    reading.execute("set local role none")


def _write_extract(
    reading: Connection[Any],
    subscription: Subscription,
    definitions: list[ColumnMeaning],
    period: datetime,
    password: str,
    path: Path,
    editions: list[Edition],
) -> _File:
    report = subscription.report
    meanings = {meaning.column_name: meaning.description for meaning in definitions}
    summary = _summary(reading, report)
    rows = extract_rows.stream(reading, warehouse.sql(f"reporting/{report}/rows"))
    content = Extract(
        title=meanings.get(None) or extract.heading(report),
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
    return _File(path.name, written, columns, editions, _as_of(editions))


def _write_dashboard(
    reading: Connection[Any],
    subscription: Subscription,
    password: str,
    path: Path,
    editions: list[Edition],
    known: Dashboards,
) -> _File:
    drawn = known.draw(reading, subscription)
    checksum, size = extract.seal(drawn.content, subscription.format, password, path)
    written = Written(checksum, size, drawn.row_count, drawn.patients)
    return _File(path.name, written, drawn.columns, editions, drawn.as_of)


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
        file.as_of,
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
