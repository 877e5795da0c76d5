"""The page ``docs/dags.md``, generated from the DAG files: ``python -m local.dags [--check]``.

The docstring of a DAG is its run book in the Airflow UI; the page has all of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from claimhouse import contracts
from local import places

PAGE = places.ROOT / "docs" / "dags.md"
HEAD = """\
# DAGs

Made from `dags/` by `make docs`; change the docstrings there, not this page. In the Airflow UI each
DAG's page shows its own run book.

"""
INGEST = "ingest_"


def page(dags: Iterable[Any]) -> str:
    """The Markdown page of *dags*; all ingest DAGs share one section."""
    by_id = {dag.dag_id: dag for dag in dags}
    ingests = sorted(dag_id for dag_id in by_id if dag_id.startswith(INGEST))
    source = ingests[0].removeprefix(INGEST)
    sections = [_section("ingest_<source>", by_id[ingests[0]], source)]
    others = sorted(by_id.keys() - set(ingests))
    sections += [_section(dag_id, by_id[dag_id]) for dag_id in others]
    return HEAD + "\n".join(sections)


def _section(title: str, dag: Any, source: str | None = None) -> str:
    description, run_book = dag.description, dag.doc_md.strip()
    if source:
        description = description.replace(source, "one source system")
        run_book = _of_any_source(run_book, source)
    tasks = " → ".join(f"`{task.task_id}`" for task in dag.topological_sort())
    return f"## `{title}`\n\n{description}. Tasks: {tasks}.\n\n{run_book}\n"


def _of_any_source(run_book: str, source: str) -> str:
    """The run book of the ingest DAG of *source*, without details of that source."""
    known = ", ".join(f"`{name}`" for name in contracts.sources())
    lines = [line for line in run_book.splitlines() if not line.startswith("Feeds:")]
    text = "\n".join(lines).replace(f"**{source}**", "one source system")
    text = text.replace(source, "<source>")
    return f"One DAG for each source system: {known}.\n\n{text}"


def main(arguments: list[str]) -> None:
    """Write the page, or with ``--check`` exit with 1 if it is stale."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(places.ROOT / "dags"))
    if bag.import_errors:
        raise SystemExit(f"DAG files cannot be read: {', '.join(bag.import_errors)}")
    text = page(bag.dags.values())
    if arguments == ["--check"]:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
            raise SystemExit(f"{PAGE.relative_to(places.ROOT)} is stale: run make docs")
        return
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
