"""One ingest DAG for each source system: its files from the landing root into the star.

This file makes one DAG for each folder of ``include/schemas``: a new folder with a contract is a
new DAG.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import (
    DAG,
    Asset,
    CronDataIntervalTimetable,
    dag,
    get_current_context,
    get_parsing_context,
    task,
)

from claimhouse import contracts, notify

RUN_BOOK = """
### What it does
Once a day, loads every new file of **{source}** from the landing root into the star schema:

{fetch_step}1. `land` archives each new file, enters its delivery in `landing.file` and opens a batch for it. Where
   nothing is new and nothing waits, the run ends with it: all other tasks are skipped, and nothing is published.
2. `verify` (a task for each group of batches) checks every field against the contract in
   `include/schemas/{source}/`. Good rows go to `source_{source}`, bad ones to
   `quality.quarantine`, each reason to `quality.issue`. Where a contract, or a list that it uses, has changed,
   rejected files and quarantined rows are read again, from the archive.
3. `check` runs the Soda checks on the batches. A failed check of severity *error* holds its
   batch and stops the run: the star stays as it was, readable.
4. `load` brings the new rows into the star: first the dimensions, then the facts. Of a large load, each fact
   has a task of its own, `load_facts`; of a small one that is skipped.
5. `check_star` runs the checks of the star, marks the batches loaded and triggers `publish`.

Feeds: {feeds}.

### When it fails
* **`land` failed with `ContractError`**: a contract of {source} cannot be used; the message names file and
  line. Mend it: the files wait.
* **`land` failed with `MappingError`**: mapping files of {source} do not give what the star needs
  (`docs/star-targets.md`); the message names each file and line. Mend them: the files wait.
* **`check` failed**: a batch is held. `select * from quality.held_batches;` shows which check
  failed and why. If the batch is right, release it and run the DAG again:
  `claimhouse review release <batch> --reason "..."`.
* **A file was rejected, and the file is right**: mend the contract and run the DAG again; it reads the file
  again by itself. There is nothing to release. Accepted rows follow a changed contract when you ask:
  `claimhouse reverify {source} <feed> --dry-run`.
* **`verify` failed**: rows or money of a file did not balance, or the database was unavailable. The error names
  each batch; nothing of it is kept, and the other batches of the group are verified. Clear the task: it verifies
  those that are left.
* **`check_star` failed**: the star differs from the source tables. The batches are not marked
  loaded; see `quality.check_history`, then clear `load` and the tasks after it.
* Every task may be cleared and run again at any time, for any day: finished work is not repeated, and
  which state is newer follows from the files, not from the run.

### What to look at
`quality.open_issues` for work that needs a person, `landing.batch` for rows read, accepted,
quarantined and dropped.
"""

FETCH_STEP = """0. `to_fetch` looks which connections to databases of {feeds} exist.
   `fetch`, a task for each feed that has one, asks its database for the day the run covers, and for each day
   before it that is not fetched yet, and writes the rows as files in the landing root, one a day (queries:
   `include/sql/fetch/{source}/`; days: `landing.fetched_day`). Where no connection exists, it is skipped,
   and only files dropped there are taken. When it fails, the rest of the run goes on
   without it, and the next run asks for the days that are missing (issues `day_not_fetched`).
"""


BROKEN = """
### A contract cannot be used

    {error}

Nothing of **{source}** lands until it is mended; its files wait, and nothing is lost. Other source
systems are not concerned. Mend the file at the line that the message names: the next run takes what
waits.
"""


def ingest(source: str) -> DAG:
    """The ingest DAG of one source system; only its first task where a contract cannot be used."""
    known = contracts.outline(source)
    fetch_step = (
        FETCH_STEP.format(source=source, feeds=", ".join(known.fetched)) if known.fetched else ""
    )

    @dag(
        dag_id=f"ingest_{source}",
        description=f"Bring the files of {source} into the star schema",
        doc_md=(BROKEN.format(source=source, error=known.error) if known.error else "")
        + RUN_BOOK.format(source=source, feeds=", ".join(known.feeds), fetch_step=fetch_step),
        schedule=CronDataIntervalTimetable("0 5 * * *", timezone="UTC"),
        start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
        catchup=False,
        max_active_runs=1,
        tags=["claimhouse", "ingest", source],
        default_args=notify.task_defaults(),
    )
    def pipeline() -> None:
        @task
        def to_fetch() -> list[str]:
            from claimhouse.landing import fetch

            return fetch.connected(source)

        @task(task_id="fetch", map_index_template="{{ feed }}")
        def fetch_feed(feed: str) -> None:
            from claimhouse.landing import fetch

            context = get_current_context()
            context["feed"] = feed
            fetch.fetch(source, feed, fetch.day_of(context))

        # Dropped files are landed even if a database failed. Without a group, all that follows is skipped.
        @task.short_circuit(trigger_rule="all_done")
        def land() -> list[list[int]]:
            from claimhouse import ingest, star

            with notify.final(contracts.ContractError, star.MappingError):
                return ingest.begin(source)

        @task(map_index_template="{{ batches }}", trigger_rule="none_failed")
        def verify(batch_ids: list[int]) -> list[str]:
            from claimhouse import ingest

            get_current_context()["batches"] = ingest.named(batch_ids)
            return ingest.verify_group(batch_ids)

        @task
        def check() -> list[int]:
            from claimhouse import checks, ingest

            with notify.final(checks.ChecksFailed):
                return ingest.check(source)

        @task
        def load() -> list[str]:
            from claimhouse import ingest

            return ingest.load(source)

        @task(map_index_template="{{ fact }}")
        def load_facts(fact: str) -> None:
            from claimhouse import ingest

            get_current_context()["fact"] = fact
            ingest.load_fact(source, fact)

        # Runs also if load_facts is skipped, as it is for a small load.
        @task(trigger_rule="none_failed", outlets=[Asset(f"claimhouse://star/{source}")])
        def check_star() -> list[int]:
            from claimhouse import checks, ingest

            with notify.final(checks.ChecksFailed):
                return ingest.end(source)

        landed = land()
        if known.error:
            return
        if known.fetched:
            fetch_feed.expand(feed=to_fetch()) >> landed
        verified = verify.expand(batch_ids=landed)
        loaded = load()
        verified >> check() >> loaded
        load_facts.expand(fact=loaded) >> check_star()

    return pipeline()


# A task needs only its own DAG: reading all contracts takes a second.
parsed_dag = get_parsing_context().dag_id
for source_system in contracts.sources():
    if parsed_dag in (None, f"ingest_{source_system}"):
        globals()[f"ingest_{source_system}"] = ingest(source_system)
