"""What Airflow's processes import and read once, before they fork one process for each task and DAG file.

Airflow imports a module of this name when it starts. A task's process then has the packages below, Claimhouse's
own code, and the contracts, readers and dashboards of ``include`` already; they take one to two seconds of a
processor. A process in which a file of either is not the one that was read forgets all of it and imports the code
itself, so what somebody has changed holds at once.

A fork keeps only the thread that forks. Imported and not used, these packages have no thread that a task
would wait for: only those of their allocators and of OpenBLAS, which know of forks, and the one in which polars
clears its spilled files. Their pools begin with the first use, so contracts are read by a process of their own.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import sys
from pathlib import Path

__all__: tuple[str, ...] = ()

FORKING = {"scheduler", "dag-processor", "celery"}
# Those whose forks are tasks; a DAG's file needs no more of a contract than is kept between processes.
TASKS = {"scheduler", "celery"}
PACKAGES = (
    "aiosmtplib",
    "airflow.providers.amazon.aws.hooks.s3",
    "airflow.providers.smtp.notifications.smtp",
    "airflow.providers.standard.decorators.python",
    "airflow.sdk.definitions.decorators",
    "boto3.s3.transfer",
    "fastexcel",
    "highspy",
    "jinja2.ext",
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
    f"{OWN}.dashboards.model",
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


def _read() -> None:
    """Read contracts, readers and dashboards. Airflow starts whatever is wrong with them: tasks say it."""
    for read in (
        sys.modules[f"{OWN}.contracts"].read_apart,
        sys.modules[f"{OWN}.dashboards.model"].load_all,
    ):
        with contextlib.suppress(Exception):
            read()


def _files() -> dict[str, int]:
    """When each file of Claimhouse's code, and of what it reads, was changed last."""
    code, include = Path(sys.modules[OWN].__path__[0]), sys.modules[f"{OWN}.settings"].INCLUDE
    files = [*code.rglob("*.py"), *include.rglob("*.*")]
    return {str(file): file.lstat().st_mtime_ns for file in files}


def _forget_if_changed(imported: dict[str, int]) -> None:
    """Let this process import and read anew, where the files are others than those imported and read."""
    if _files() != imported:
        for name in [name for name in sys.modules if name.partition(".")[0] == OWN]:
            del sys.modules[name]


if FORKING.intersection(sys.argv[1:2]):
    _import()
    if TASKS.intersection(sys.argv[1:2]):
        _read()
    os.register_at_fork(after_in_child=functools.partial(_forget_if_changed, _files()))
