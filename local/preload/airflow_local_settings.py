"""What Airflow's processes import once, before they fork one process for each task and each DAG file.

Airflow imports a module of this name when it starts. A task's process then has the packages below
already; importing them takes half a second of a processor. Claimhouse's own code is not among them: each
task imports it, so that what a developer has changed runs at once.

A fork keeps only the thread that forks. Imported and not used, these packages have no thread that a task
would wait for: only those of their allocators, which know of forks, and the one in which polars clears
its spilled files. Their pools begin with the first use.
"""

from __future__ import annotations

import importlib
import sys

__all__: tuple[str, ...] = ()

FORKING = {"scheduler", "dag-processor", "celery"}
PACKAGES = (
    "aiosmtplib",
    "boto3",
    "fastexcel",
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
    "slugify",
    "yaml",
)

if FORKING.intersection(sys.argv[1:2]):
    for package in PACKAGES:
        importlib.import_module(package)
