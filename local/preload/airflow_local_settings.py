"""What Airflow's processes import once, before they fork one process for each task and each DAG file.

Airflow imports a module of this name when it starts. A task's process then has the packages below and
Claimhouse's own code already; importing them takes one to two seconds of a processor. A process in which a file
of Claimhouse's code is not the one that was imported forgets that code and imports it itself, so what a developer
has changed runs at once.

A fork keeps only the thread that forks. Imported and not used, these packages have no thread that a task
would wait for: only those of their allocators and of OpenBLAS, which know of forks, and the one in which polars
clears its spilled files. Their pools begin with the first use.
"""

from __future__ import annotations

import functools
import importlib
import os
import sys
from pathlib import Path

__all__: tuple[str, ...] = ()

FORKING = {"scheduler", "dag-processor", "celery"}
PACKAGES = (
    "aiosmtplib",
    "airflow.providers.smtp.notifications.smtp",
    "boto3",
    "fastexcel",
    "highspy",
    "jinja2",
    "jsonschema",
    "open_data_contract_standard",
    "pgpq",
    "polars",
    "psycopg",
    "pyarrow.csv",
    "pyarrow.parquet",
    "referencing",
    "requests",
    "scipy.sparse.csgraph",
    "slugify",
    "yaml",
)
OWN = "claimhouse"
OWN_MODULES = (
    f"{OWN}.checks.soda",
    f"{OWN}.dashboards.mailed",
    f"{OWN}.delivery",
    f"{OWN}.ingest",
    f"{OWN}.metrics",
    f"{OWN}.notify",
    f"{OWN}.reporting",
)


def _import() -> None:
    """Import everything, Soda in the way that its module does it."""
    for name in (*PACKAGES, *OWN_MODULES):
        importlib.import_module(name)
    sys.modules[f"{OWN}.checks.soda"]._soda()


def _files() -> dict[str, float]:
    """When each file of Claimhouse's code was changed last."""
    folder = Path(sys.modules[OWN].__path__[0])
    return {str(file): file.stat().st_mtime for file in folder.rglob("*.py")}


def _forget_if_changed(imported: dict[str, float]) -> None:
    """Let this process import Claimhouse's code anew, where its files are others than those imported."""
    if _files() != imported:
        for name in [name for name in sys.modules if name.partition(".")[0] == OWN]:
            del sys.modules[name]


if FORKING.intersection(sys.argv[1:2]):
    _import()
    os.register_at_fork(after_in_child=functools.partial(_forget_if_changed, _files()))
