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

__all__: tuple[str, ...] = ()

# The components whose forks run tasks, and the one whose forks read DAG files.
TASKS, DAG_FILES = {"scheduler", "celery"}, {"dag-processor"}
OWN = "claimhouse"
FOR_DAG_FILES = (
    "airflow.providers.smtp.notifications.smtp",
    "airflow.providers.standard.decorators.python",
    "airflow.sdk.definitions.decorators",
    f"{OWN}.contracts",
    f"{OWN}.notify",
)
FOR_TASKS = (
    *FOR_DAG_FILES,
    "aiosmtplib",
    "airflow.providers.amazon.aws.hooks.s3",
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
    f"{OWN}.checks.soda",
    f"{OWN}.dashboards.mailed",
    f"{OWN}.dashboards.model",
    f"{OWN}.delivery",
    f"{OWN}.ingest",
    f"{OWN}.metrics",
    f"{OWN}.reporting",
)


def _import(modules: tuple[str, ...]) -> None:
    for name in modules:
        importlib.import_module(name)
    if soda := sys.modules.get(f"{OWN}.checks.soda"):
        soda._soda()  # in the way that its module does it


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
    settings = importlib.import_module(f"{OWN}.settings")
    files = [*settings.CODE.rglob("*.py"), *settings.INCLUDE.rglob("*.*")]
    return {str(file): file.lstat().st_mtime_ns for file in files}


def _forget_if_changed(imported: dict[str, int]) -> None:
    """Let this process import and read anew, where the files are others than those imported and read."""
    if _files() != imported:
        for name in [name for name in sys.modules if name.partition(".")[0] == OWN]:
            del sys.modules[name]


component = set(sys.argv[1:2])
if component & (TASKS | DAG_FILES):
    files = _files()  # what changes from now on may be read before or after
    _import(FOR_TASKS if component & TASKS else FOR_DAG_FILES)
    if component & TASKS:
        _read()
    os.register_at_fork(after_in_child=functools.partial(_forget_if_changed, files))
