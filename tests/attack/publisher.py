"""A publication, a load, a rebuild or a delivery in a process of its own, which may be killed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from claimhouse import delivery, ingest, reporting, star, warehouse


def publish(environment: Mapping[str, str], folder: str) -> None:
    """Publish every source."""
    os.environ.update(environment)
    with warehouse.connect() as connection:
        connection.autocommit = True
        reporting.publish(connection, Path(folder), Path(folder, "roles.yml"))


def load(environment: Mapping[str, str], folder: str) -> None:
    """Load the batches that were checked."""
    del folder
    os.environ.update(environment)
    ingest.load_dimensions("billing")
    for fact in star.fact_tables("billing"):
        ingest.load_fact("billing", fact)
    ingest.finish("billing")


def rebuild(environment: Mapping[str, str], folder: str) -> None:
    """Rebuild the star."""
    del folder
    os.environ.update(environment)
    with warehouse.connect() as connection:
        star.rebuild(connection, "billing")


def deliver(environment: Mapping[str, str], folder: str, subscription: str, day: str) -> None:
    """Prepare and send the extract of *day*."""
    del folder
    os.environ.update(environment)
    now = datetime.fromisoformat(day)
    delivery.prepare(subscription, now)
    delivery.send(subscription)
