"""Metrics on feeds that came through the whole line: against the facts, and against the files."""

from __future__ import annotations

import csv
import statistics
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from local import samples
from local.samples import clinic
from local.samples.planting import write
from tests.metrics.test_metrics import check_every_roll_up, near

from claimhouse import ingest, metrics


def by(connection: Any, metric: str, cut: str) -> dict[str, Any]:
    """A metric by the members of one cut."""
    actual = connection.execute(
        "select member, value from metrics.roll_up where metric = %s and dimension = %s",
        (metric, cut),
    )
    return dict(actual.fetchall())


def test_the_clinics_metrics_are_those_of_the_sample_files(warehouse, landing_root):
    write(clinic.make(samples.SEED), landing_root)
    ingest.run("clinic")
    check_every_roll_up(warehouse)
    appointments = newest(landing_root / "clinic", "appointments", "appointment_id")
    states: dict[str, list[str]] = defaultdict(list)
    for row in appointments.values():
        if row["provider_id"]:
            states[row["provider_id"]].append(row["status"])
    for metric, state in (
        ("completion_rate", "COMPLETED"),
        ("cancellation_rate", "CANCELLED"),
        ("no_show_rate", "NO_SHOW"),
        ("reschedule_rate", "RESCHEDULED"),
    ):
        actual = by(warehouse, metric, "provider_id")
        near(
            {who: actual[who] for who in states},
            {who: outcomes.count(state) / len(outcomes) for who, outcomes in states.items()},
        )
    visits = newest(landing_root / "clinic", "visits", "visit_id")
    minutes = defaultdict(list)
    for row in visits.values():
        if row["visit_duration_minutes"]:
            minutes[row["modality"]].append(int(row["visit_duration_minutes"]))
    actual = by(warehouse, "average_visit_duration", "modality")
    near(
        {modality: actual[modality] for modality in minutes},
        {modality: statistics.fmean(lengths) for modality, lengths in minutes.items()},
    )
    scores = [
        int(row["satisfaction_score"])
        for row in newest(landing_root / "clinic", "survey", "visit_id").values()
        if row["satisfaction_score"]
    ]
    assert float(by(warehouse, "average_satisfaction", "all")[None]) == pytest.approx(
        statistics.fmean(scores)
    )


def newest(folder: Path, feed: str, key: str) -> dict[str, dict[str, str]]:
    """The last row of each key in the files of a feed, in the order of their delivery."""
    rows = {}
    for file in sorted(folder.glob(f"{feed}*")):
        if file.name[len(feed)] in "_.-":
            with file.open(encoding="utf-8-sig", newline="") as came:
                rows |= {row[key]: row for row in csv.DictReader(came)}
    return rows


def test_the_hospitals_metrics_are_those_of_the_real_files(real_hospital, shared_data):
    metrics.publish(real_hospital)
    files = {}
    for feed in ("procedures", "encounters", "payers"):
        path = shared_data / "hospital" / f"{feed}.csv"
        with path.open(encoding="utf-8-sig", newline="") as came:
            files[feed] = list(csv.DictReader(came))
    payers = {row["Id"]: row["NAME"] for row in files["payers"]}
    payer_of = {row["Id"]: payers[row["PAYER"]] for row in files["encounters"]}
    patients: dict[str, set[str]] = defaultdict(set)
    uninsured: dict[str, set[str]] = defaultdict(set)
    costs: dict[Any, list[Decimal]] = defaultdict(list)
    for row in files["procedures"]:
        code, payer, cost = row["CODE"], payer_of[row["ENCOUNTER"]], Decimal(row["BASE_COST"])
        patients[code].add(row["PATIENT"])
        if payer == "NO_INSURANCE":
            uninsured[code].add(row["PATIENT"])
        for group in (code, payer, (code, payer), None):
            costs[group].append(cost)
    near(
        by(real_hospital, "uninsured_share", "procedure_id"),
        {code: len(uninsured[code]) / len(who) for code, who in patients.items()},
    )
    everybody, some = set().union(*patients.values()), set().union(*uninsured.values())
    whole = by(real_hospital, "uninsured_share", "all")[None]
    assert float(whole) == pytest.approx(len(some) / len(everybody))

    medians = {group: statistics.median(each) for group, each in costs.items()}
    near(
        by(real_hospital, "median_procedure_cost", "procedure_id"),
        {code: medians[code] for code in patients},
    )
    actual = by(real_hospital, "median_procedure_cost", "payer").values()
    assert sorted(map(float, actual)) == sorted(float(medians[group]) for group in payers.values())
    expected = {
        payer: sum(costs[payer])
        / sum(
            medians[row["CODE"]]
            for row in files["procedures"]
            if payer_of[row["ENCOUNTER"]] == payer
        )
        for payer in payers.values()
    }
    actual = by(real_hospital, "cost_to_overall_median", "payer").values()
    assert sorted(map(float, actual)) == pytest.approx(sorted(map(float, expected.values())))
    of_payer = sum(medians[row["CODE"], payer_of[row["ENCOUNTER"]]] for row in files["procedures"])
    whole = by(real_hospital, "cost_to_payer_median", "all")[None]
    assert float(whole) == pytest.approx(float(sum(costs[None]) / of_payer))
