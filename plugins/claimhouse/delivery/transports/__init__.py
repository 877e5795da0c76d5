"""Transports: how the file of an extract reaches its recipient. Each is a module, registered here.

Comes in: a mail and its file. Goes out: what the mail says about the file, and the file itself
where it is attached. May not send anything: the mail goes out in :mod:`claimhouse.delivery.send`.

The transport that was used is stored with the mail when it is handed to the mail server
(``delivery.outbox.transport``); the ledger copies it. docs/how-to/add-a-transport.md shows how to
add one.
"""

from __future__ import annotations

from claimhouse.delivery.transports import attachment, link
from claimhouse.delivery.transports.model import Enclosure, Transport

TRANSPORTS = {
    "attachment": Transport(attachment.enclose, attachment.most_bytes),
    "link": Transport(link.enclose),
}
# Takes what the transport of a subscription cannot.
FALLBACK = "link"


def choose(wanted: str, size: int) -> str:
    """The transport of a file of *size* bytes whose subscription names *wanted*."""
    most_bytes = TRANSPORTS[wanted].most_bytes
    return FALLBACK if most_bytes is not None and size > most_bytes() else wanted


__all__ = ["FALLBACK", "TRANSPORTS", "Enclosure", "Transport", "choose"]
