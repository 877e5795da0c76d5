"""Keys of pseudonyms: HMAC-SHA256 under a key of each reader's own.

The reader's key is derived from the master key in the connection ``claimhouse_pseudonym``. The
reports compute the HMAC themselves from its two padded keys, see ``include/sql/macros.jinja``.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Any

from psycopg import Connection

from claimhouse import connections, settings, warehouse


class KeyChanged(RuntimeError):
    """The key in the connection is not the one with which pseudonyms were made."""


def store_keys(connection: Connection[Any], clients: Iterable[str]) -> None:
    """Store the pseudonym keys of *clients*; a stored key is never changed.

    Raises:
        connections.MissingConnection: there is no master key.
        KeyChanged: a client's key would change, and with it all pseudonyms of the client.
    """
    clients = list(clients)
    master = connections.password(settings.PSEUDONYM_CONNECTION) if clients else ""
    for client in clients:
        keys = _padded_keys(_client_key(master, client))
        warehouse.query(connection, "reporting/pseudonyms/key", client, *keys)
        if warehouse.query(connection, "reporting/pseudonyms/key_differs", client, *keys):
            raise KeyChanged(
                f"the key in the connection {settings.PSEUDONYM_CONNECTION} is not the one with "
                f"which the pseudonyms of {client} were made: all of them would change. Restore "
                "the key. To change it on purpose, first delete the client's row in "
                "security.pseudonym_key."
            )


def _client_key(master: str, client: str) -> bytes:
    return hmac.digest(master.encode(), f"claimhouse pseudonym\x1f{client}".encode(), "sha256")


def _padded_keys(key: bytes) -> tuple[bytes, bytes]:
    """The inner and outer key of HMAC-SHA256 (RFC 2104), with which SQL needs only sha256()."""
    block = key.ljust(hashlib.sha256().block_size, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)
