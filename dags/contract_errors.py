"""The import error that Airflow shows while contracts cannot be used; this file makes no DAG.

Airflow stops every DAG of a file that has an error, and ``ingest.py`` makes those of all source
systems. So the error is this file's: the ingest DAG of the source concerned fails at its first task
with the same message, and all others run.
"""

from __future__ import annotations

from claimhouse import contracts

if errors := [
    outline.error for outline in map(contracts.outline, contracts.sources()) if outline.error
]:
    raise contracts.ContractError("\n".join(errors))
