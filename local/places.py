"""Where the local system keeps what it needs: everything it writes is under one folder."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Another folder makes a second, separate system: the end-to-end test starts its own.
VAR = Path(os.environ.get("CLAIMHOUSE_VAR", ROOT / "var")).resolve()

POSTGRES = VAR / "postgres"
AIRFLOW_HOME = VAR / "airflow"
AIRFLOW_LOGS = AIRFLOW_HOME / "logs"
LOGS = VAR / "log"
MAIL = VAR / "mail"
RUN = VAR / "run"  # pid files and the ports taken: only true while the system is up
SAMPLES = VAR / "samples" / "landing"
ARCHIVE = VAR / "archive"
OBJECTS = VAR / "s3"  # <bucket>/<key>, with CLAIMHOUSE_EXECUTOR=celery
BROKER = VAR / "broker"
SECRETS = VAR / "local.env"
WAREHOUSE_ENV = VAR / "warehouse.env"
LANDING_CHOSEN = VAR / "landing"


def landing() -> Path:
    """The landing root: the folder ``LANDING`` names, else that of the project's own samples.

    Raises:
        SystemExit: ``LANDING`` names no folder.
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
    """The landing root that ``LANDING`` names, else the one the system was started with last."""
    if not os.environ.get("LANDING") and LANDING_CHOSEN.exists():
        before = Path(LANDING_CHOSEN.read_text())
        if before.is_dir():
            return before
    return landing()
