"""The folders and files of the local system: everything it writes is under ``VAR``."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Another folder is a second, separate system: the end-to-end tests start their own.
VAR = Path(os.environ.get("CLAIMHOUSE_VAR", ROOT / "var")).resolve()

POSTGRES = VAR / "postgres"
AIRFLOW_HOME = VAR / "airflow"
AIRFLOW_LOGS = AIRFLOW_HOME / "logs"
AIRFLOW_MIGRATED = AIRFLOW_HOME / "migrated"  # the version that its database was migrated to
LOGS = VAR / "log"
MAIL = VAR / "mail"
RUN = VAR / "run"  # pid files and ports: valid only while the system is up
PORTS = RUN / "ports.json"
SAMPLES = VAR / "samples" / "landing"
ARCHIVE = VAR / "archive"
OBJECTS = VAR / "s3"  # <bucket>/<key>, with CLAIMHOUSE_EXECUTOR=celery
BROKER = VAR / "broker"
SECRETS = VAR / "local.env"
WAREHOUSE_ENV = VAR / "warehouse.env"
LANDING_CHOSEN = VAR / "landing"  # names the landing root of the last start


def landing() -> Path:
    """The landing root: the folder named by ``LANDING``, else that of the sample feeds.

    Raises:
        SystemExit: ``LANDING`` is not a folder.
    """
    named = os.environ.get("LANDING")
    if not named:
        SAMPLES.mkdir(parents=True, exist_ok=True)
        return SAMPLES
    folder = Path(named).expanduser().resolve()
    if not folder.is_dir():
        raise SystemExit(f"LANDING={named}: there is no such folder ({folder})")
    return folder


def landing_as_before() -> Path:
    """The landing root: the folder named by ``LANDING``, else that of the last start."""
    if not os.environ.get("LANDING") and LANDING_CHOSEN.exists():
        before = Path(LANDING_CHOSEN.read_text())
        if before.is_dir():
            return before
    return landing()
