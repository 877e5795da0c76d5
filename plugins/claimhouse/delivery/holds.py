"""Holds: the switch by which an operator stops all deliveries to a client."""

from __future__ import annotations

from claimhouse import warehouse
from claimhouse.delivery import outbox
from claimhouse.delivery.model import DeliveryError


def hold(client: str, reason: str, by: str) -> None:
    """Stop all deliveries to *client*, from the next mail on. Mails in the outbox wait.

    Raises:
        DeliveryError: no reason is given.
    """
    if not reason.strip():
        raise DeliveryError("a hold needs a reason")
    with outbox.connect() as connection:
        warehouse.query(connection, "delivery/hold", client, reason, by)


def release(client: str, by: str) -> None:
    """Resume deliveries to *client*.

    Raises:
        DeliveryError: the client is not on hold.
    """
    with outbox.connect() as connection:
        if not warehouse.query(connection, "delivery/release", client, by):
            raise DeliveryError(f"{client} is not on hold, or its client file holds it")
