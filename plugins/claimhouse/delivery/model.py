"""What delivery's SQL yields, one dataclass for each shape of row.

:func:`claimhouse.warehouse.query_as` fills them and fails where columns and fields differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from psycopg import Connection

# A source system, a value, the client's privacy level, and what kind of value it is.
Entitlement = list[str]


class DeliveryError(RuntimeError):
    """Something that should have been sent was not. The message names no recipient and no data."""


class NotMailed(DeliveryError):
    """A dashboard that may not be mailed now. The owner is told the message."""


@dataclass(frozen=True)
class Subscription:
    """An active subscription, and what its reader may see (``active_subscriptions.sql``).

    Attributes:
        report: the report; the dashboard where the subscription is of one.
        transport: the transport the client file names; a large file may go by another.
        detail: whether the file has the rows, or the summary alone.
        when_empty: ``send`` or ``withhold``.
        covers: ``all`` rows, or what has ``changed`` since the last extract that was sent.
        identified_by: the columns that identify a row for who is sent what has changed.
        when_too_large: what becomes of more rows than the format holds; None for what is usual.
        approve_first: whether a person approves the first extract.
        approve_ratio: a person approves an extract with more than this many times the rows of
            the last one, or fewer than one part in this many.
        client_login: the login that reads the report: the client's own, or the person's of a dashboard.
        client_role: its database role; empty where the login has left.
        held_for: why nothing is sent to the client; None where nothing holds it.
        person: who asked for a dashboard; None where a file says it.
        filters: of a dashboard, as pairs of name and value; None where it is a report.
        starts_at: no period before it is due; None where all are.
    """

    subscription_id: str
    client: str
    report: str
    format: str
    transport: str
    reason: str
    schedule: str
    time_zone: str
    recipients: list[str]
    detail: bool
    when_empty: str
    covers: str
    identified_by: list[str]
    when_too_large: str | None
    approve_first: bool
    approve_ratio: Decimal | None
    client_title: str
    privacy_level: str
    client_login: str
    client_role: str
    held_for: str | None
    person: str | None
    filters: list[list[str]] | None
    starts_at: datetime | None
    entitlements: list[Entitlement]

    @property
    def is_dashboard(self) -> bool:
        """Whether it is a dashboard that somebody asked for."""
        return self.filters is not None


@dataclass(frozen=True)
class Drawn:
    """The file of a dashboard, not encrypted.

    Attributes:
        row_count: of all its tables.
        columns: the names of their columns.
        patients: the pseudonyms of the patients whose rows it shows.
        as_of: when the oldest of what it shows was published; None where nothing was.
    """

    content: bytes
    row_count: int
    columns: list[str]
    patients: frozenset[str]
    as_of: datetime | None


class Dashboards(Protocol):
    """What knows dashboards: a room above this one, :mod:`claimhouse.dashboards.mailed`."""

    def title(self, subscription: Subscription) -> str:
        """The title of the dashboard."""

    def problem(self, subscription: Subscription) -> str | None:
        """Why the dashboard may not be mailed, as the files say now; None where it may."""

    def reports(self, subscription: Subscription) -> Sequence[str]:
        """The reports that the dashboard reads."""

    def draw(self, reading: Connection[Any], subscription: Subscription) -> Drawn:
        """The file, read in a transaction that reads as the subscription's login.

        Raises:
            NotMailed: some of it cannot be read.
        """


@dataclass(frozen=True)
class Edition:
    """What is published of a source system to a reader (``editions.sql``).

    Attributes:
        as_of: when its data were loaded; None where nothing was.
    """

    source_system: str
    edition: int
    as_of: datetime | None


@dataclass(frozen=True)
class PeriodMail:
    """A mail of one period, whatever its state (``outbox_of_period.sql``).

    The file's attributes are None where the mail was withheld.
    """

    recipient: str
    state: str
    file_name: str | None
    checksum: str | None
    entitlements: list[Entitlement] | None


@dataclass(frozen=True)
class WaitingMail:
    """A mail that may be sent, and its file (``outbox_waiting.sql``).

    Attributes:
        entitlements: what the client could see when the file was written.
        parts: how many workbooks the file has.
        is_of_copy: whether the client keeps a copy, which the file begins or brings up to date.
        since: the period of the extract since which the rows have changed; None where all are there.
    """

    outbox_id: int
    period: datetime
    recipient: str
    message_id: str
    extract_id: int
    report: str
    format: str
    file_name: str
    checksum: str
    size_bytes: int
    as_of: datetime | None
    entitlements: list[Entitlement]
    parts: int
    is_of_copy: bool
    since: datetime | None


@dataclass(frozen=True)
class UnsettledMail:
    """A mail whose run ended before the server's answer (``outbox_unsettled.sql``)."""

    outbox_id: int
    subscription_id: str
    message_id: str
    sending_at: datetime


@dataclass(frozen=True)
class MailInDoubt:
    """A mail of which nobody knows whether its server took it (``in_doubt.sql``)."""

    outbox_id: int
    subscription_id: str
    period: datetime
    recipient: str
    message_id: str
    sending_at: datetime


@dataclass(frozen=True)
class Question:
    """What a person is to answer about a mail (``question.sql``).

    Attributes:
        question: ``in doubt`` or ``failed``.
    """

    outbox_id: int
    subscription_id: str
    sending_at: datetime | None
    question: str


@dataclass(frozen=True)
class Matter:
    """What a delivery waits for (``needs_a_person.sql``).

    Attributes:
        kind: ``mail in doubt``, ``mail failed``, ``mail not taken yet``, ``approval waiting``,
            ``extract withheld``, ``dashboard not mailed`` or ``deliveries on hold``.
        period: None where it is about all periods.
        outbox_id: the mail; None where it is about none.
        extract_id: the file that waits for approval; else None.
        to_do: the command, or the place, that settles it.
        notified_at: when the mail server last took a notice of it.
    """

    kind: str
    client: str
    subscription_id: str
    period: datetime | None
    outbox_id: int | None
    extract_id: int | None
    since: datetime
    problem: str | None
    to_do: str
    notified_at: datetime | None


@dataclass(frozen=True)
class DueNotice:
    """What the owner is to be mailed about now (``notices_due.sql``).

    Attributes:
        notice: its kind in ``delivery.notice``.
        message_id: of the mail; None where it is about none.
    """

    subscription_id: str
    period: datetime
    notice: str
    kind: str
    since: datetime
    problem: str | None
    to_do: str
    outbox_id: int | None
    message_id: str | None


@dataclass(frozen=True)
class Approval:
    """A file that waits for a person's approval (``approvals_wanted.sql``).

    Attributes:
        previous_row_count: of the newest file that was sent or approved; None before the first.
        recipients: how many mails wait with it.
    """

    extract_id: int
    subscription_id: str
    period: datetime
    row_count: int
    previous_row_count: int | None
    why: str
    recipients: int


@dataclass(frozen=True)
class Disclosure:
    """A row of the ledger (``ledger.sql``): what was sent, or may have been.

    Attributes:
        disclosed_at: when the server took the mail; when it was handed over, where that was or is
            in doubt.
        state: ``sent``, ``in doubt``, or ``not sent`` where it was in doubt and did not arrive.
        transport: the transport that was used; ``unknown`` where an early release did not store it.
        as_of: the oldest state among the source systems that the file shows; None where nothing was loaded.
        editions: the editions that the file was written from, by source system; none from before there were any.
        answered_by: who answered that a mail in doubt arrived, or did not; None where nobody had to.
        answer_reason: how that person knows.
    """

    disclosed_at: datetime
    state: str
    client: str
    recipient: str
    report: str
    period: datetime
    format: str
    transport: str
    privacy_level: str
    reason: str
    column_names: list[str]
    row_count: int
    as_of: datetime | None
    editions: dict[str, int]
    file_name: str
    checksum: str
    answered_by: str | None
    answer_reason: str | None


@dataclass(frozen=True)
class ClientNames:
    """A client that is sent extracts, and the names that no password of its may have."""

    client: str
    names: list[str]


@dataclass(frozen=True)
class ColumnMeaning:
    """The comment on a column of a report; on the report itself where *column_name* is None."""

    column_name: str | None
    description: str


@dataclass(frozen=True)
class RefreshProblem:
    """Why a source system's data is not the newest that arrived (``refresh_problems.sql``)."""

    source_system: str
    problem: str


@dataclass(frozen=True)
class StoredObject:
    """A file in the bucket for links."""

    extract_id: int
    object_key: str
