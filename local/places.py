"""The folders and files of the local system: everything it writes is under ``VAR``."""

from __future__ import annotations

import contextlib
import os
import stat
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


def make_private() -> None:
    """Let only this user read what the system writes: names and birth dates are in it.

    It holds for this process and those it starts, and for what an earlier version wrote. The
    packages in ``var/venv`` are no secret, and the server of Postgres runs from there as another
    user where this one is root.
    """
    os.umask(0o077)
    VAR.mkdir(parents=True, exist_ok=True)
    # The server of Postgres may have to pass through.
    _close(VAR, 0o066)
    for path in VAR.iterdir():
        if path.name != "venv" and not path.is_symlink():
            _close(path, 0o077)


def _close(path: Path, bits: int) -> None:
    with contextlib.suppress(PermissionError, FileNotFoundError):
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~bits)


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
