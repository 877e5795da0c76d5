"""What ``tests.worlds.forks`` imports before it forks: it takes two seconds, and a fork none."""

from __future__ import annotations

from airflow.sdk import BaseHook, ObjectStoragePath  # noqa: F401

from claimhouse import delivery, ingest, metrics, reporting, review  # noqa: F401
from claimhouse.checks import soda
from claimhouse.delivery.extract import xlsx, zip  # noqa: F401

soda._soda()
