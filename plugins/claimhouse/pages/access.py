"""The access log: who was shown which record, or downloaded which file, when."""

from __future__ import annotations

from claimhouse import warehouse
from claimhouse.pages.rights import Person


def record(
    person: Person,
    what: str,
    source: str,
    *,
    file_id: int | None = None,
    batch_id: int | None = None,
    row_number: int | None = None,
    reason: str | None = None,
) -> None:
    """Keep that a person is shown something, before it is shown: what cannot be recorded is not shown.

    Args:
        person: who is shown it.
        what: what the page calls it: ``original``, ``processed``, ``rejected``, ``issue``.
        source: its source system.
        file_id: the file, where all of it is shown.
        batch_id: the batch of the rows.
        row_number: the row; None where all of them are shown.
        reason: why, where the page asks for it.

    Raises:
        claimhouse.warehouse.WarehouseError: it cannot be recorded.
    """
    with warehouse.connect() as connection:
        connection.execute("set local role claimhouse_viewer")
        warehouse.query(
            connection, "pages/record_access",
            person.name, what, source, file_id, batch_id, row_number, reason,
        )  # fmt: skip
