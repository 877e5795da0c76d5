"""Preparing: write the encrypted extract of a period, and enter its mails in the outbox."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from psycopg import Connection, errors, sql

from claimhouse import connections, glossary, passwords, settings, storage, warehouse
from claimhouse.delivery import approvals, changes, dashboards, extract, letters, outbox, schedule
from claimhouse.delivery.changes import Coverage
from claimhouse.delivery.extract import rows as extract_rows
from claimhouse.delivery.extract.formats import Layout
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
    """A file on disk, the columns that it shows, what it was read from, and how old that is."""

    name: str
    written: Written
    layout: Layout
    columns: list[str]
    editions: list[Edition]
    as_of: datetime | None
    coverage: Coverage = changes.ALL


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
        extract.TooManyRows: the format does not hold the columns.
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
    file = _write(connection, subscription, period, recipients, now, known)
    outbox.checkpoint("file written")
    with connection.transaction():
        if file.written.row_count == 0 and subscription.when_empty == "withhold":
            outbox.enter(connection, subscription.subscription_id, period, recipients, None)
            (settings.extract_folder() / file.name).unlink()
        else:
            extract_id = _record(connection, subscription, period, file)
            outbox.enter(connection, subscription.subscription_id, period, recipients, extract_id)
            approvals.require_where_needed(
                connection,
                subscription,
                extract_id,
                file.written.row_count,
                has_all=file.coverage.since is None,
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
    recipients: list[str],
    now: datetime,
    known: Dashboards,
) -> _File:
    """Write the file for *recipients*, as the subscription's own role sees one edition of each source.

    Raises:
        NotMailed: a dashboard may not be mailed.
        DeliveryError: a publication has begun to change what the client sees.
    """
    reports = _reports(connection, subscription, known)
    password = _password(connection, subscription)
    storage.make_private(settings.extract_folder())
    # A connection of its own: a query that was prepared for one reader must not be run for another.
    with warehouse.connect() as reading:
        reading.prepare_threshold = None
        changes.begin(reading, subscription)
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
        coverage = changes.find(reading, subscription, recipients, editions)
        reading.execute(role)
        if subscription.is_dashboard:
            return _write_dashboard(
                connection, reading, subscription, period, password, known, editions
            )
        return _write_extract(
            connection, reading, subscription, period, password, coverage, editions
        )


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
    connection: Connection[Any],
    reading: Connection[Any],
    subscription: Subscription,
    period: datetime,
    password: str,
    coverage: Coverage,
    editions: list[Edition],
) -> _File:
    definitions = warehouse.query_as(
        connection, ColumnMeaning, "delivery/definitions", subscription.report
    )
    content, layout = _content(reading, subscription, definitions, period, coverage, editions)
    path = _path(subscription, period, layout, coverage)
    observe = _Patients(connection).add_those_in
    with closing(content.rows) if content.rows else nullcontext():
        written = extract.write(content, layout.format, password, path, observe)
    return _File(path.name, written, layout, content.columns, editions, content.as_of, coverage)


def _content(
    reading: Connection[Any],
    subscription: Subscription,
    definitions: list[ColumnMeaning],
    period: datetime,
    coverage: Coverage,
    editions: list[Edition],
) -> tuple[Extract, Layout]:
    """What the file shows, and how it goes out: its rows are counted, and not read yet."""
    report = subscription.report
    meanings = {meaning.column_name: meaning.description for meaning in definitions}
    summary = _summary(reading, report)
    rows, layout = None, Layout(subscription.format)
    if subscription.detail:
        query = changes.query(reading, subscription, coverage)
        rows, count = extract_rows.stream(reading, query), extract_rows.count(reading, query)
        layout = extract.layout(
            subscription.format, count, len(rows.schema), subscription.when_too_large
        )
    columns = [*(rows.schema if rows else ()), *(summary.columns if summary is not None else ())]
    content = Extract(
        title=meanings.get(None) or extract.heading(report),
        client=subscription.client_title,
        period=schedule.wall_time(period, subscription.time_zone),
        filters=_filters(subscription.entitlements),
        as_of=_as_of(editions),
        privacy_level=subscription.privacy_level,
        definitions={changes.COLUMN: changes.MEANING}
        | {name: text for name, text in meanings.items() if name is not None},
        rows=rows,
        summary=summary,
        units=_units(columns),
        covers=_covers(subscription, coverage),
        part_sizes=layout.part_sizes,
    )
    return content, layout


def _covers(subscription: Subscription, coverage: Coverage) -> str:
    """Which rows there are, as a person reads it; empty for all as they are."""
    if coverage.since:
        since = schedule.wall_time(coverage.since.period, subscription.time_zone)
        return f"what is new, changed or removed since the file for the period {since}"
    return "all rows; replaces what was sent before" if coverage.basis else ""


def _write_dashboard(
    connection: Connection[Any],
    reading: Connection[Any],
    subscription: Subscription,
    period: datetime,
    password: str,
    known: Dashboards,
    editions: list[Edition],
) -> _File:
    drawn = known.draw(reading, subscription)
    _Patients(connection).add(drawn.patients)
    layout = Layout(subscription.format)
    path = _path(subscription, period, layout, changes.ALL)
    checksum, size = extract.seal(drawn.content, subscription.format, password, path)
    written = Written(checksum, size, drawn.row_count)
    return _File(path.name, written, layout, drawn.columns, editions, drawn.as_of)


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


def _path(subscription: Subscription, period: datetime, layout: Layout, coverage: Coverage) -> Path:
    """The file; for a client that keeps a copy, its name says whether it has all rows."""
    kind = "" if coverage.basis is None else ".changed" if coverage.since else ".all"
    suffix = extract.form(layout.format, layout.parts).suffix
    name = f"{subscription.subscription_id}.{period:%Y%m%dT%H%MZ}{kind}.{suffix}"
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


class _Patients:
    """The patients whose rows a file holds: in the database, for there may be any number."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection
        warehouse.run(connection, "delivery/shown_patient")

    def add_those_in(self, frame: pl.DataFrame) -> None:
        """Add the patients with a row in *frame*."""
        if PATIENT in frame.columns:
            self.add(frame[PATIENT].drop_nulls().unique())

    def add(self, pseudonyms: Iterable[str]) -> None:
        """Add patients by their pseudonyms."""
        with (
            self.connection.cursor() as cursor,
            cursor.copy("copy pg_temp.shown_patient from stdin") as lines,
        ):
            lines.write("".join(f"{pseudonym}\n" for pseudonym in pseudonyms))


def _record(
    connection: Connection[Any], subscription: Subscription, period: datetime, file: _File
) -> int:
    """Enter a file that was written, and the patients that were noted; returns its id."""
    inserted = warehouse.query(
        connection,
        "delivery/extract",
        subscription.subscription_id,
        period,
        subscription.report,
        file.layout.format,
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
        file.layout.parts,
        file.coverage.basis,
        file.coverage.since.extract_id if file.coverage.since else None,
    )
    extract_id = int(inserted[0]["extract_id"])
    warehouse.query(connection, "delivery/extract_patient", extract_id)
    return extract_id


def _filters(entitlements: list[Entitlement]) -> str:
    """The entitlements as a person reads them: ``billing: orthopedist, physical therapist``."""
    by_source: dict[str, list[str]] = {}
    for source, value, *_ in entitlements:
        shown = "all" if value == "*" else value.replace("_", " ")
        by_source.setdefault(source, []).append(shown)
    return "; ".join(f"{source}: {', '.join(names)}" for source, names in by_source.items())
