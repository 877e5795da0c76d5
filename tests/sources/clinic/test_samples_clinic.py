"""The clinic network's sample feeds: repeatable, of the specified shape, with the planted defects.

Plain Python finds the defects in the files; the manifest is compared with them.
"""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from local.samples import SEED, SOURCES, clinic
from local.samples.planting import Samples

Row = dict[str, str]
CLINICS = {
    "Downtown Clinic", "East Clinic", "West Clinic", "North Clinic", "South Clinic",
    "Lakeside Clinic", "Harbor Clinic", "Uptown Clinic", "Telehealth Hub",
}  # fmt: skip


@pytest.fixture(scope="module")
def samples() -> Samples:
    return clinic.make(SEED)


@pytest.fixture(scope="module")
def feeds(samples: Samples) -> dict[str, list[Row]]:
    """The rows of each feed, both deliveries together."""
    feeds: dict[str, list[Row]] = defaultdict(list)
    for name, content in samples.files.items():
        feeds[name.rsplit("_", 1)[0]] += csv.DictReader(io.StringIO(content.decode()))
    return feeds


def planted(samples: Samples, kind: str) -> set[str]:
    return {defect.record_key for defect in samples.planted if defect.kind == kind}


def test_the_same_seed_gives_the_same_bytes(samples: Samples) -> None:
    assert clinic in SOURCES
    assert clinic.make(SEED) == samples
    assert clinic.make(7).files != samples.files


def test_feeds_have_the_promised_numbers_of_rows(feeds: dict[str, list[Row]]) -> None:
    assert {feed: len(rows) for feed, rows in feeds.items()} == {
        "patients": 801,
        "providers": 23,
        "appointments": 3084,
        "visits": 1844,
        "visit_providers": 2102,
        "survey": 1198,
        "date_dim": 365,
    }
    assert Counter(row["patient_id"] for row in feeds["patients"]).most_common(2) == [
        ("P0124", 2),
        ("P0001", 1),
    ]
    assert Counter(row["provider_type"] for row in feeds["providers"]) == {
        "Rheumatologist": 3,
        "Dermatologist": 5,
        "Nurse Practitioner": 5,
        "Clinical Pharmacist": 10,
    }
    for feed, key in (("appointments", "appointment_id"), ("visits", "visit_id")):
        assert len({row[key] for row in feeds[feed]}) == len(feeds[feed])
    assert len({row["visit_id"] for row in feeds["survey"]}) == 1198


def test_an_update_brings_little_of_each_changing_feed(samples: Samples) -> None:
    rows = {name: content.count(b"\n") - 1 for name, content in samples.files.items()}
    second = {name for name in rows if name.endswith("20260105.csv")}
    assert {name.rsplit("_", 1)[0] for name in second} == {
        "patients", "appointments", "visits", "visit_providers", "survey",
    }  # fmt: skip
    assert all(
        0 < rows[name] < 0.15 * rows[name.replace("20260105", "20251201")] for name in second
    )


def test_visits_look_as_specified(feeds: dict[str, list[Row]]) -> None:
    visits = feeds["visits"]
    telehealth = sum(row["modality"] == "Telehealth" for row in visits)
    assert 0.57 < telehealth / len(visits) < 0.63
    first: dict[str, Row] = {}
    for row in sorted(visits, key=lambda row: (row["visit_date"], row["visit_id"])):
        first.setdefault(row["patient_id"], row)
    for row in visits:
        is_first = row is first[row["patient_id"]]
        assert row["is_first_visit_for_patient"] == str(is_first)
        assert abs(int(row["visit_duration_minutes"]) - (60 if is_first else 30)) <= 5
        assert float(row["billed_amount"]) > 0
    together = Counter(row["visit_id"] for row in feeds["visit_providers"])
    assert set(together) == {row["visit_id"] for row in visits}
    assert sum(number == 2 for number in together.values()) / len(visits) == pytest.approx(
        0.13, abs=0.005
    )
    primary = {
        row["visit_id"]: row["provider_id"]
        for row in feeds["visit_providers"]
        if row["role_in_visit"] == "Primary"
    }
    assert primary == {row["visit_id"]: row["provider_id"] for row in visits}
    kinds = {row["provider_id"]: row["provider_type"] for row in feeds["providers"]}
    seconds = [row for row in feeds["visit_providers"] if row["role_in_visit"] == "Secondary"]
    pharmacists = sum(kinds[row["provider_id"]] == "Clinical Pharmacist" for row in seconds)
    assert pharmacists / len(seconds) > 0.6


def test_visits_and_appointments_belong_together(
    samples: Samples, feeds: dict[str, list[Row]]
) -> None:
    booked = {row["appointment_id"]: row for row in feeds["appointments"]}
    for row in feeds["visits"]:
        appointment = booked[row["appointment_id"]]
        assert appointment["status"] == "COMPLETED"
        assert (appointment["patient_id"], appointment["provider_id"], appointment["scheduled_at"][:10]) == (
            row["patient_id"], row["provider_id"], row["visit_date"],
        )  # fmt: skip
    completed = {key for key, row in booked.items() if row["status"] == "COMPLETED"}
    lacking = completed - {row["appointment_id"] for row in feeds["visits"]}
    assert len(lacking) == 161 and lacking == planted(samples, "no_visit")
    assert {row["visit_id"] for row in feeds["survey"]} <= {
        row["visit_id"] for row in feeds["visits"]
    }
    assert {row["scheduled_at"][:4] for row in feeds["appointments"]} == {"2025"}
    assert [row["date"] for row in feeds["date_dim"]] == [
        (date(2025, 1, 1) + timedelta(number)).isoformat() for number in range(365)
    ]


def test_providers_24_to_30_are_named_and_never_described(
    samples: Samples, feeds: dict[str, list[Row]]
) -> None:
    described = {row["provider_id"] for row in feeds["providers"]}
    named = {row["provider_id"] for row in [*feeds["appointments"], *feeds["visit_providers"]]}
    assert named - described == {f"PR{number}" for number in range(24, 31)}
    rows = [row for row in feeds["visit_providers"] if row["provider_id"] not in described]
    assert {row["visit_id"] for row in rows} <= planted(samples, "unknown_provider")
    at: dict[str, set[str]] = defaultdict(set)
    known = {row["appointment_id"]: row for row in feeds["appointments"]}
    standard = {
        spelling: name for name, others in clinic.SPELLINGS.items() for spelling in (name, *others)
    }
    for row in known.values():
        at[row["provider_id"]].add(standard[row["clinic_location"]])
    assert max(len(places - {"Telehealth Hub"}) for places in at.values()) == 5


def test_clinics_are_written_in_many_ways_and_two_are_idle(
    samples: Samples, feeds: dict[str, list[Row]]
) -> None:
    active = {row["clinic_location"] for row in [*feeds["appointments"], *feeds["visits"]]}
    home = {row["home_clinic"] for row in feeds["providers"]}
    assert {
        "Downtown Clinic",
        "downtown clinic",
        "Downtown",
        "East Health Center",
        "Telehealth Hub",
    } <= active
    assert {"Harbor Clinic", "Uptown Clinic"} == (CLINICS & home) - active
    named = [row["clinic_location"] for row in [*feeds["appointments"], *feeds["visits"]]]
    named += [row["home_clinic"] for row in feeds["providers"]]
    odd = sum(name not in CLINICS for name in named)
    assert odd == sum(defect.kind == "clinic_spelling" for defect in samples.planted) > 500


def test_only_what_replaced_an_appointment_follows_it_within_30_days(
    samples: Samples, feeds: dict[str, list[Row]]
) -> None:
    calendar = defaultdict(list)
    for row in feeds["appointments"]:
        at = datetime.fromisoformat(row["scheduled_at"])
        assert at.weekday() < 5
        calendar[row["patient_id"], row["provider_id"]].append((at, row))
    replaced, replacing = set(), set()
    for appointments in calendar.values():
        for (at, row), (then, other) in pairwise(sorted(appointments, key=lambda pair: pair[0])):
            if row["status"] == "RESCHEDULED" and then - at <= timedelta(30):
                replaced.add(row["appointment_id"])
                replacing.add(other["appointment_id"])
    assert replaced == planted(samples, "replaced") and replacing == planted(samples, "follow_up")
    assert len(replaced) == 180 and len(replaced & replacing) == 10
    moved = {
        row["appointment_id"] for row in feeds["appointments"] if row["status"] == "RESCHEDULED"
    }
    assert moved - replaced == planted(samples, "not_replaced")
    assert any(
        defect.kind == "follow_up" and "20260105" in defect.file for defect in samples.planted
    )
