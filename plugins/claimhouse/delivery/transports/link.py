"""The transport ``link``: the file is in a bucket, and each mail has a link of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psycopg import Connection

from claimhouse import warehouse
from claimhouse.delivery import links, outbox
from claimhouse.delivery.model import StoredObject, WaitingMail
from claimhouse.delivery.transports.model import Enclosure

TEXT = """\
The file is too large to attach, or you asked for a link. Until {expires_at}, download it from:

{url}"""


def enclose(
    connection: Connection[Any], mail: WaitingMail, file: Path, media_type: str
) -> Enclosure:
    """Upload *file* once, and sign a link for this mail.

    Raises:
        links.NoLinkStore: no bucket is configured.
    """
    stored = warehouse.query_as(connection, StoredObject, "delivery/object", mail.extract_id)
    # A folder for each file that was written: a link never leads to another one.
    key = stored[0].object_key if stored else links.put(file, str(mail.extract_id))
    outbox.checkpoint("uploaded")
    url, expires_at = links.sign(key, media_type)
    warehouse.query(connection, "delivery/link", mail.extract_id, key, expires_at)
    outbox.checkpoint("link signed")
    return Enclosure(TEXT.format(url=url, expires_at=f"{expires_at:%Y-%m-%d %H:%M} UTC"))
