"""Approved dashboards by mail: whether one may be mailed now, and its file, for :mod:`claimhouse.delivery`.

What was approved is checked anew each time, as the files say now. The file is read as the login of whoever asked.
"""

from __future__ import annotations

import json
from calendar import day_name
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from claimhouse import metrics, warehouse
from claimhouse.dashboards import exports, known, model, selection
from claimhouse.dashboards.answer import Answer
from claimhouse.dashboards.exports import whole
from claimhouse.dashboards.model import Dashboard
from claimhouse.dashboards.read import PATIENT, Reading
from claimhouse.dashboards.selection import Selection
from claimhouse.delivery import NotMailed
from claimhouse.delivery.model import Drawn, Subscription
from claimhouse.reporting.readers import Login, Reader

WEEKDAYS = dict(enumerate(day_name, start=1))
# How long a statement may take: nobody waits for the page.
SECONDS = 300.0

Pairs = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Wanted:
    """What is mailed.

    Attributes:
        login: the person as whom it is read.
    """

    reader: Reader
    login: Login
    dashboard: Dashboard
    chosen: Selection


def addresses_of(reader: Reader, login: str) -> tuple[str, ...]:
    """The addresses to which a dashboard may be mailed that *login* reads; none where no file has one."""
    person = _person(reader, login)
    if person is None:
        return ()
    if person.email:
        return (person.email,)
    found = (address for entry in reader.subscriptions for address in entry.recipients)
    return tuple(dict.fromkeys(found))


def refused_filters(chosen: Selection) -> list[str]:
    """The fields by which no mail is filtered: all but cuts of metrics, for a value could be about one person."""
    cuts = metrics.dimensions()
    return [name for name in chosen.fields if name not in cuts]


def opens_more(reader: Reader, login: str) -> bool:
    """Whether *login* sees a restricted specialty that the extracts of its reader do not have.

    Mails are encrypted with the password of the extracts, which others of the reader's people know.
    """
    return not _restricted(reader, login) <= _restricted(reader, reader.role)


def why_not(login: str, name: str, recipient: str, filters: Pairs) -> str:
    """Why a dashboard may not be mailed, in a sentence; empty where it may.

    Args:
        login: as which it is read.
        name: the dashboard.
        recipient: the address.
        filters: pairs of name and value, as they were asked for.

    Raises:
        ReaderError, YamlError: a file about readers or dashboards cannot be used.
    """
    reader, dashboard = reader_of(login), known.dashboards().get(name)
    if reader is None or _person(reader, login) is None:
        return "Nobody reads as this login any more."
    if dashboard is None or reader.name not in dashboard.readers:
        return "This reader does not open this dashboard any more."
    return _why_not_to(reader, login, recipient) or _why_not_filtered(dashboard, filters)


def _why_not_to(reader: Reader, login: str, recipient: str) -> str:
    if recipient not in addresses_of(reader, login):
        return "No file of this reader has this address any more."
    if opens_more(reader, login):
        return "This login sees a restricted specialty, and the reader's extracts do not."
    return ""


def _why_not_filtered(dashboard: Dashboard, filters: Pairs) -> str:
    chosen = _chosen(dashboard, filters)
    if sorted(chosen.pairs) != sorted((name, value) for name, value in filters):
        return "The dashboard does not have these filters any more."
    if refused_filters(chosen):
        return "A mail cannot be filtered by what could be about one person."
    return ""


def reader_of(login: str) -> Reader | None:
    """Whose login it is; None for nobody's."""
    return next((reader for reader in known.readers() if login in reader.roles), None)


def title(subscription: Subscription) -> str:
    """The title of the dashboard."""
    return _wanted(subscription).dashboard.title


def problem(subscription: Subscription) -> str | None:
    """Why the dashboard may not be mailed; None where it may."""
    (recipient,) = subscription.recipients
    filters = subscription.filters or []
    return (
        why_not(subscription.client_login, subscription.report, recipient, filters).rstrip(".")
        or None
    )


def reports(subscription: Subscription) -> list[str]:
    """The reports that the dashboard reads, or may read: those whose rows tell one of its metrics among them."""
    wanted = _wanted(subscription)
    tiles = [*wanted.dashboard.tiles, *filter(None, [wanted.dashboard.count])]
    shown = {name for tile in tiles for name in tile.source.metrics}
    telling = {
        name
        for name, report in model.known_reports().items()
        if name in wanted.reader.reports
        and any(entry.get("metric") in shown for entry in report.measures.values())
    }
    return sorted({name for tile in tiles for name in tile.source.relations} | telling)


def draw(reading: Connection[Any], subscription: Subscription) -> Drawn:
    """The file, read in a transaction that reads as the subscription's login.

    Raises:
        NotMailed: it may not be mailed, or some of it cannot be read.
    """
    wanted = _wanted(subscription)
    limits = {"statement_timeout": f"{SECONDS * 1000:.0f}ms", "search_path": "reporting, pg_temp"}
    warehouse.query(reading, "dashboards/limits", json.dumps(limits))
    read = Reading(reading, wanted.reader, wanted.login, wanted.dashboard, wanted.chosen, SECONDS)
    page = read.page()
    answers = [page.answers[tile.name] for tile in wanted.dashboard.tiles]
    if late := [answer for answer in answers if answer.is_late]:
        raise NotMailed(f"{late[0].tile.title}: {(late[0].problem or '').rstrip('.')}")
    document = exports.document(
        wanted.dashboard, page, wanted.reader, f"{subscription.person}, by mail"
    )
    content = whole.content(wanted.dashboard, document, page, read.chosen, subscription.format)
    return Drawn(
        content=content,
        row_count=sum(len(table.rows) for table in document.tables),
        columns=list(
            dict.fromkeys(column.name for table in document.tables for column in table.columns)
        ),
        patients=frozenset().union(*map(_patients, answers)),
        as_of=document.as_of,
    )


def _wanted(subscription: Subscription) -> Wanted:
    """What a subscription is of.

    Raises:
        NotMailed: it may not be mailed any more.
    """
    if refused := problem(subscription):
        raise NotMailed(refused)
    dashboard, login = known.dashboards()[subscription.report], subscription.client_login
    reader, person = next(
        (reader, person) for reader in known.readers() if (person := _person(reader, login))
    )
    return Wanted(reader, person, dashboard, _chosen(dashboard, subscription.filters or []))


def _person(reader: Reader, login: str) -> Login | None:
    return next((entry for entry in reader.logins if entry.role == login), None)


def _chosen(dashboard: Dashboard, filters: Pairs) -> Selection:
    return selection.of(dashboard, [(name, value) for name, value in filters])


def _restricted(reader: Reader, login: str) -> set[tuple[str, str]]:
    return {
        (entry.source_system, value)
        for entry in reader.entitlements_of(login)
        if entry.kind == "restricted_specialty"
        for value in entry.values
    }


def _patients(answer: Answer) -> frozenset[str]:
    """The patients whose rows a tile shows, or who make its rows."""
    if PATIENT not in answer.fields:
        return answer.patients
    place = answer.fields.index(PATIENT)
    return answer.patients | {
        value for row in answer.rows if not row.is_rest and (value := row.fields[place]) is not None
    }
