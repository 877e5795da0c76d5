"""The DAGs as the scheduler and the Airflow UI see them."""

from __future__ import annotations

import ast
from itertools import pairwise
from pathlib import Path

import pendulum
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.standard.operators.python import ShortCircuitOperator
from airflow.sdk.definitions.context import _AIRFLOW_PARSING_CONTEXT_DAG_ID
from airflow.serialization.decoders import decode_timetable
from airflow.serialization.encoders import encode_timetable
from airflow.timetables import trigger
from airflow.timetables.base import TimeRestriction

from claimhouse import contracts, settings
from claimhouse.landing import fetch

FOLDER = settings.PROJECT / "dags"


@pytest.fixture(scope="module")
def dags():
    bag = DagBag(dag_folder=str(FOLDER))
    assert bag.import_errors == {}
    return bag.dags


def test_there_is_one_ingest_dag_for_each_source_and_the_others(dags):
    assert set(dags) == {f"ingest_{source}" for source in contracts.sources()} | {
        "audit",
        "publish",
        "deliver",
        "approve_extract",
        "tableau_extracts",
        "watch_landing",
    }


def test_a_task_makes_its_own_dag_alone(monkeypatch):
    """Reading the contracts of all sources takes a second, and every task is a process."""
    # Airflow's own context manager does not reset what it sets.
    monkeypatch.setenv(_AIRFLOW_PARSING_CONTEXT_DAG_ID, "ingest_clinic")
    bag = DagBag(dag_folder=str(FOLDER / "ingest.py"))
    assert set(bag.dags) == {"ingest_clinic"}


def test_every_dag_has_a_run_book_retries_and_a_failure_callback(dags):
    for dag in dags.values():
        assert "What it does" in dag.doc_md, dag.dag_id
        assert "When it fails" in dag.doc_md, dag.dag_id
        for task in dag.tasks:
            assert task.on_failure_callback, (dag.dag_id, task.task_id)
            # Without a retry, a worker that dies amid the task would need a person.
            assert task.retries >= 1, (dag.dag_id, task.task_id)


def test_an_ingest_run_covers_the_day_before_it(dags):
    assert type(dags["ingest_billing"].timetable).__name__ == "CronDataIntervalTimetable"


def test_a_new_system_audits_nothing_before_the_time_of_the_audit(dags, monkeypatch):
    """Airflow otherwise makes up for a time that passed within a tenth of the interval."""
    monkeypatch.setattr(trigger, "utcnow", lambda: pendulum.datetime(2026, 1, 1, 3))
    timetable = decode_timetable(encode_timetable(dags["audit"].timetable))
    anytime = TimeRestriction(earliest=None, latest=None, catchup=False)
    first = timetable.next_dagrun_info(last_automated_data_interval=None, restriction=anytime)
    assert first.run_after == pendulum.datetime(2026, 1, 2, 2)


def test_the_stages_of_an_ingest_are_in_order(dags):
    dag = dags["ingest_billing"]
    order = ["land", "verify", "check", "load", "load_facts", "check_star"]
    for before, after in pairwise(order):
        assert after in dag.get_task(before).downstream_task_ids
    assert len(dag.tasks) == len(order)


def test_a_small_load_without_a_task_for_each_fact_is_ended_all_the_same(dags):
    """The scheduler skips a task mapped over nothing, and then all tasks that require success."""
    for source in contracts.sources():
        dag = dags[f"ingest_{source}"]
        assert dag.get_task("load_facts").is_mapped
        assert dag.get_task("check_star").trigger_rule == "none_failed"


def test_a_run_with_nothing_new_ends_with_its_first_task(dags):
    """All that follows is skipped, so that nothing is published and no task is started for nothing."""
    for source in contracts.sources():
        land = dags[f"ingest_{source}"].get_task("land")
        assert isinstance(land, ShortCircuitOperator)
        assert land.ignore_downstream_trigger_rules


def test_a_database_that_is_away_does_not_keep_dropped_files_waiting(dags):
    for source in contracts.sources():
        dag = dags[f"ingest_{source}"]
        fetched = fetch.feeds(source)
        assert ("fetch" in dag.task_ids) == bool(fetched), source
        assert dag.get_task("land").trigger_rule == "all_done"
    # Mapped over the feeds that have a connection: where there is none, no worker hears of it.
    fetch_task = dags["ingest_pended"].get_task("fetch")
    assert fetch_task.is_mapped
    assert fetch_task.upstream_task_ids == {"to_fetch"}
    assert "land" in fetch_task.downstream_task_ids


def test_a_new_system_has_no_work_but_that_of_its_first_day(dags):
    """A DAG with a start date has a run for the tick before now as soon as it is known."""
    assert [dag_id for dag_id, dag in sorted(dags.items()) if dag.start_date is None] == [
        "audit",
        "deliver",
    ]


def test_assets_lead_from_ingest_to_publishing_to_delivery(dags):
    updated = {
        asset.uri.rstrip("/") for task in dags["ingest_billing"].tasks for asset in task.outlets
    }
    assert updated == {"claimhouse://star/billing"}
    published = {asset.uri.rstrip("/") for task in dags["publish"].tasks for asset in task.outlets}
    assert published == {"claimhouse://reporting"}


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.name)
def test_a_dag_file_only_schedules_and_orders(file: Path):
    tree = ast.parse(file.read_text())
    strings = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    docs = ast.get_docstring(tree) or ""
    code = [text for text in strings if text not in docs and "###" not in text]
    assert not any(
        text.lower().lstrip().startswith(("select ", "insert ", "update ", "delete "))
        for text in code
    )
    assert not any(isinstance(node, ast.While | ast.Try) for node in ast.walk(tree))


def test_asking_twice_for_one_approval_starts_one_run_and_notices_wait_for_nobody(dags):
    deliver = dags["deliver"]
    assert deliver.get_task("ask").partial_kwargs["skip_when_already_exists"]
    assert deliver.get_task("notify_owner").upstream_task_ids == set()


def test_extracts_for_tableau_follow_publication_one_at_a_time_and_none_is_queued_in_vain(dags):
    dag = dags["tableau_extracts"]
    followed = [asset.uri.rstrip("/") for asset in dag.timetable.asset_condition.objects]
    assert followed == ["claimhouse://reporting"]
    assert [task.task_id for task in dag.topological_sort()] == ["due", "publish_extract"]
    # Mapped over nothing, a task is skipped by the scheduler, and no worker hears of it.
    publish = dag.get_task("publish_extract")
    assert publish.is_mapped
    # A second session with a token ends the first.
    assert publish.partial_kwargs["max_active_tis_per_dagrun"] == 1
    assert dag.get_task("due").queue == settings.DELIVER_QUEUE
