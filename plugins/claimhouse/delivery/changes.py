"""What a client that keeps a copy is sent: all rows once, then what has changed since.

A subscription says so by ``covers: changed``. The rows are those that editions after that of the last
extract have written, whether or not they are as they were: applied to a copy of any edition in
between, too, they make it the new one. So it does no harm where one recipient got a mail that another
did not. What is gone is told by the columns that identify a row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection, errors, sql

from claimhouse import warehouse
from claimhouse.delivery.extract import rows as extract_rows
from claimhouse.delivery.model import DeliveryError, Edition, Subscription

COLUMN = "change"
MEANING = "new, changed, or removed: the row is no longer there, and only the columns that identify it are given"
# The place of rows.sql from which it selects.
SHOWN = "{{ shown }}"


@dataclass(frozen=True)
class Mark:
    """The extract since which a client is told what has changed (``mark.sql``).

    Attributes:
        editions: that it was written from, by source system.
        basis: what its rows followed from besides.
    """

    extract_id: int
    period: datetime
    editions: dict[str, int]
    basis: str | None


@dataclass(frozen=True)
class Coverage:
    """Which rows an extract has.

    Attributes:
        basis: what they follow from besides the editions; None where the subscription covers all.
        since: the extract since which they have changed; None where all are there.
    """

    basis: str | None = None
    since: Mark | None = None


ALL = Coverage()


def begin(reading: Connection[Any], subscription: Subscription) -> None:
    """Make the place for the rows that have changed, before the transaction that reads begins."""
    if subscription.covers == "changed":
        names = {"report": subscription.report, "key": subscription.identified_by}
        warehouse.run(reading, "delivery/touched", **names)
        role = sql.Identifier(subscription.client_role)
        reading.execute(sql.SQL("grant select on pg_temp.touched to {}").format(role))
        reading.commit()


def find(
    reading: Connection[Any],
    subscription: Subscription,
    recipients: Sequence[str],
    editions: Sequence[Edition],
) -> Coverage:
    """Which rows the extract for *recipients* has; notes those that have changed.

    All of them where a recipient has none yet, where the client may see otherwise than then, and where
    the edition of then is no longer kept.

    Args:
        reading: after :func:`begin`, in the transaction that reads, as the role that delivers.
        subscription: whose extract it is.
        recipients: who is sent it.
        editions: what is published now.

    Raises:
        DeliveryError: the rows are not identified as the report says.
    """
    if subscription.covers != "changed":
        return ALL
    state = warehouse.query(
        reading, "delivery/readable", subscription.client_login, subscription.report
    )[0]
    basis = _basis(subscription, state["audience"], state["changed_at"])
    marks = warehouse.query_as(
        reading, Mark, "delivery/mark", subscription.subscription_id, list(recipients)
    )
    now = {edition.source_system: edition.edition for edition in editions}
    if not marks or marks[0].basis != basis or not _is_kept(marks[0], now, state["kept_from"]):
        return Coverage(basis)
    names = {"report": subscription.report, "key": subscription.identified_by}
    try:
        for source, edition in marks[0].editions.items():
            warehouse.query(reading, "delivery/touch", state["audience"], source, edition, **names)
    except (errors.UniqueViolation, errors.NotNullViolation):
        raise DeliveryError(
            f"not prepared: what {subscription.report}/report.yaml lists under identified_by is empty in "
            "a row, or the same in two"
        ) from None
    return Coverage(basis, marks[0])


def query(reading: Connection[Any], subscription: Subscription, coverage: Coverage) -> str:
    """The SELECT of the rows of an extract, in their order.

    Args:
        reading: after :func:`find`, as the client's role.
        subscription: whose extract it is.
        coverage: what :func:`find` has found.
    """
    path = f"reporting/{subscription.report}/rows"
    view = f"reporting.{subscription.report}"
    if coverage.basis is None:
        return warehouse.sql(path, shown=view)
    key = subscription.identified_by
    shown = warehouse.sql("delivery/touched_rows", shown=view, key=key) if coverage.since else view
    rows = extract_rows.bare(warehouse.sql(path, shown=shown))
    fields = list(extract_rows.columns(reading, rows))
    name = "changed_rows" if coverage.since else "all_rows"
    return warehouse.sql(f"delivery/{name}", query=rows, fields=fields, key=key)


def _basis(subscription: Subscription, audience: int, changed_at: str) -> str:
    text = warehouse.sql(f"reporting/{subscription.report}/rows", shown=SHOWN)
    content = [audience, changed_at, subscription.entitlements, text]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _is_kept(mark: Mark, now: Mapping[str, int], kept_from: Mapping[str, int]) -> bool:
    """Whether what was replaced since the editions of *mark* can be read."""
    return mark.editions.keys() == now.keys() and all(
        kept_from.get(source, 0) <= edition <= now[source]
        for source, edition in mark.editions.items()
    )
