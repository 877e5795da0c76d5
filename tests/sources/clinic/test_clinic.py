"""The clinic network, from its files to the star: the complete samples, and later changes.

What is expected comes from the files by plain Python, and from the manifest of what was planted.
"""

from __future__ import annotations

import csv
import io
import os
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from local import embedded
from local.samples import SEED, clinic
from local.samples.planting import Samples
from tests.worlds.feeds import batches, issues
from tests.worlds.manifest import arrived

from claimhouse import checks, contracts, ingest, star
from claimhouse import warehouse as sql_files
from claimhouse.batches import in_state

Row = dict[str, str]
Connection = psycopg.Connection[Any]
STANDARD = {name: clinic_ for clinic_, names in clinic.SPELLINGS.items() for name in names}
HUB = "Telehealth Hub"
FACTS = ("fact_appointment", "fact_encounter", "fact_survey", "bridge_visit_provider")


@dataclass(frozen=True)
class World:
    """Both deliveries of the samples, loaded one after the other.

    Attributes:
        feeds: the rows of each feed, read by the standard library.
        early: what some questions were answered after the first delivery alone.
    """

    connection: Connection
    samples: Samples
    feeds: dict[str, list[Row]]
    early: dict[str, list[tuple[Any, ...]]]

    def planted(self, kind: str) -> set[str]:
        """The keys of the records in which *kind* was planted."""
        return {defect.record_key for defect in self.samples.planted if defect.kind == kind}

    def ask(self, question: str) -> list[tuple[Any, ...]]:
        """The rows that a query returns."""
        return self.connection.execute(question.encode()).fetchall()


EARLY = {
    "inferred": "select patient_id from star.dim_patient where is_inferred",
    "links": "select appointment_id from star.fact_appointment where replaced_by_id is not null",
    "surveys": "select count(*) from star.fact_survey",
}


@pytest.fixture(scope="module")
def world(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A warehouse of this module, loaded once for all tests that only read it."""
    name, folder = f"w_{uuid.uuid4().hex[:12]}", tmp_path_factory.mktemp("clinic")
    address = embedded.create_database(server, name, template="warehouse_template")
    samples = clinic.make(SEED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WAREHOUSE_URL", address)
        for root in ("landing", "archive", "corrections"):
            patch.setenv(f"CLAIMHOUSE_{root.upper()}_ROOT", f"file://{folder}/{root}")
        early: dict[str, list[tuple[Any, ...]]] = {}
        with psycopg.connect(address, autocommit=True) as connection:
            for day in clinic.DELIVERIES:
                for file, data in samples.files.items():
                    if f"{day:%Y%m%d}" in file:
                        drop(folder / "landing", file, data.decode(), day)
                ingest.run("clinic")
                early = early or {
                    name: connection.execute(question).fetchall()
                    for name, question in EARLY.items()
                }
            feeds: dict[str, list[Row]] = defaultdict(list)
            for file, data in sorted(samples.files.items()):
                feeds[file.rsplit("_", 1)[0]] += csv.DictReader(io.StringIO(data.decode()))
            yield World(connection, samples, feeds, early)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)'.encode())


def drop(root: Path, name: str, text: str, day: date) -> None:
    """Write a file, which arrived on *day*, to the clinics' folder."""
    path = root / "clinic" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    arrived(path, day)


def place(name: str) -> str:
    """A clinic's standard name, or what replaces it if there is none."""
    standard = STANDARD.get(name, name)
    return "not applicable" if standard == HUB else standard


# --- the samples -----------------------------------------------------------------------------------


def test_every_row_arrives_but_the_conflicting_copy(world: World) -> None:
    found = {(name, state): rows for name, state, *rows in batches(world.connection)}
    expected = {}
    for name, data in world.samples.files.items():
        read = data.count(b"\n") - 1
        copies = int(name == "patients_20251201.csv")
        expected[name, "loaded"] = [read, read - copies, copies, 0]
    assert found == expected
    aside = world.ask("select record_key, raw_row from quality.quarantine")
    rows = [row for row in world.feeds["patients"] if row["patient_id"] == "P0124"]
    assert aside == [("P0124", ",".join(rows[0].values()))]
    payer = world.ask(
        "select payer_type, is_current from star.dim_patient where patient_id = 'P0124'"
    )
    assert payer == [(rows[1]["payer_type"], True)]


def test_each_spelling_is_standardized_and_kept_in_its_issue(world: World) -> None:
    found = world.ask(
        "select f.file_name, i.row_number, i.column_name, i.raw_value, i.severity"
        " from quality.issue as i join landing.batch using (batch_id)"
        " join landing.file as f using (file_id) where i.rule = 'misspelling'"
    )
    rows = {
        name: list(csv.DictReader(io.StringIO(data.decode())))
        for name, data in world.samples.files.items()
    }
    expected = {
        (
            defect.file,
            defect.row_number,
            defect.column,
            rows[defect.file][defect.row_number - 2][defect.column],
            "warning",
        )
        for defect in world.samples.planted
        if defect.kind == "clinic_spelling"
    }
    assert set(found) == expected and len(found) == len(expected) > 500
    names = {
        row[0]
        for feed in ("appointments", "visits")
        for row in world.ask(f"select distinct clinic_location from source_clinic.{feed}")
    }
    assert names == {*clinic.CLINICS, HUB}


def test_all_eight_clinics_are_there_and_the_hub_is_none(world: World) -> None:
    clinics = {row["home_clinic"] for row in world.feeds["providers"]}
    clinics |= {
        row["clinic_location"] for feed in ("appointments", "visits") for row in world.feeds[feed]
    }
    found = world.ask(
        "select facility_name, facility_id, is_inferred from star.dim_facility"
        " where source_system = 'clinic'"
    )
    names = {STANDARD.get(name, name) for name in clinics} - {HUB}
    assert set(found) == {(name, name, False) for name in names}
    assert len(found) == 8
    idle = world.ask(
        "select facility_id from star.dim_facility as d where source_system = 'clinic'"
        " and not exists (select from star.fact_encounter as f where f.facility_key = d.facility_key)"
        " and not exists (select from star.fact_appointment as f where f.facility_key = d.facility_key)"
    )
    assert {row[0] for row in idle} == {"Harbor Clinic", "Uptown Clinic"}
    for fact, feed in (("fact_encounter", "visits"), ("fact_appointment", "appointments")):
        at_hub = sum(place(row["clinic_location"]) == "not applicable" for row in world.feeds[feed])
        found = world.ask(f"select count(*) from star.{fact} where facility_key = -2")
        assert found == [(at_hub,)] and at_hub > 500


def test_visits_money_and_minutes_by_every_cut(world: World) -> None:
    expected: dict[tuple[Any, ...], list[Any]] = defaultdict(lambda: [0, Decimal(0), 0])
    kinds = {row["provider_id"]: row["provider_type"] for row in world.feeds["providers"]}
    payers = {row["patient_id"]: row["payer_type"] for row in world.feeds["patients"]}
    for row in world.feeds["visits"]:
        day = date.fromisoformat(row["visit_date"])
        cut = (
            place(row["clinic_location"]),
            kinds.get(row["provider_id"]),
            payers[row["patient_id"]],
            row["modality"],
            {"Telehealth": "virtual", "In-Person": "ambulatory"}[row["modality"]],
            row["is_first_visit_for_patient"] == "True",
            (day.month + 2) // 3,
        )
        sums = expected[cut]
        sums[0] += 1
        sums[1] += Decimal(row["billed_amount"])
        sums[2] += int(row["visit_duration_minutes"])
    found = world.ask(
        "select facility_id, p.specialty, payer_type, modality, encounter_class, is_first_visit, quarter,"
        " count(*), sum(total_claim_cost), sum(length_minutes)"
        " from star.fact_encounter as f"
        " join star.dim_provider as p on f.provider_key = p.provider_key"
        " join star.dim_facility as d on f.facility_key = d.facility_key"
        " join star.dim_patient as a on f.patient_key = a.patient_key"
        " join star.dim_encounter_profile using (encounter_profile_key)"
        " join star.dim_date as t on f.service_date_key = t.date_key"
        " group by 1, 2, 3, 4, 5, 6, 7"
    )
    assert {row[:7]: list(row[7:]) for row in found} == expected
    payer = world.ask(
        "select distinct payer_key, procedure_key, diagnosis_key from star.fact_encounter"
    )
    assert payer == [(-2, -2, -2)]


def test_appointments_by_end_clinic_and_provider(world: World) -> None:
    found = world.ask(
        "select facility_id, provider_id, patient_id, date, appointment_status, scheduled_at,"
        " completed_count, cancelled_count, no_show_count, rescheduled_count"
        " from star.fact_appointment as f"
        " join star.dim_facility as d using (facility_key)"
        " join star.dim_provider as p on f.provider_key = p.provider_key"
        " join star.dim_patient as a on f.patient_key = a.patient_key"
        " join star.dim_appointment_profile using (appointment_profile_key)"
        " join star.dim_date as t on f.service_date_key = t.date_key"
    )
    ends = ("COMPLETED", "CANCELLED", "NO_SHOW", "RESCHEDULED")
    expected = Counter()
    for row in world.feeds["appointments"]:
        at = datetime.fromisoformat(row["scheduled_at"] + "+00:00")
        who = (place(row["clinic_location"]), row["provider_id"], row["patient_id"])
        counts = tuple(int(row["status"] == end) for end in ends)
        expected[(*who, at.date(), row["status"], at, *counts)] += 1
    assert Counter(found) == expected
    rates = world.ask(
        "select round(100.0 * sum(completed_count) / count(*), 4), sum(rescheduled_count)"
        " from star.fact_appointment"
    )
    completed = sum(row["status"] == "COMPLETED" for row in world.feeds["appointments"])
    assert rates == [(round(Decimal(100 * completed) / 3084, 4), 309)]


def test_reschedules_are_linked_to_what_replaced_them(world: World) -> None:
    found = dict(
        world.ask(
            "select appointment_id, replaced_by_id from star.fact_appointment"
            " where replaced_by_id is not null"
        )
    )
    rows = world.feeds["appointments"]
    expected = {}
    for row in rows:
        later = [
            (replacement["scheduled_at"], replacement["appointment_id"])
            for replacement in rows
            if row["status"] == "RESCHEDULED"
            and (replacement["patient_id"], replacement["provider_id"])
            == (row["patient_id"], row["provider_id"])
            and timedelta(0)
            < datetime.fromisoformat(replacement["scheduled_at"])
            - datetime.fromisoformat(row["scheduled_at"])
            <= timedelta(30)
        ]
        if later:
            expected[row["appointment_id"]] = min(later)[1]
    assert found == expected
    assert set(found) == world.planted("replaced") and set(found.values()) == world.planted(
        "follow_up"
    )
    assert len(found) == 180
    first = world.samples.files["appointments_20251201.csv"].decode()
    at_once = {
        appointment for appointment, replacement in found.items() if f"\n{replacement}," in first
    }
    assert {row[0] for row in world.early["links"]} == at_once
    assert any(f"\n{appointment}," in first for appointment in set(found) - at_once), (
        "linked by a later delivery"
    )


def test_surveys_have_their_visits_patient_provider_and_place(world: World) -> None:
    visits = {row["visit_id"]: row for row in world.feeds["visits"]}
    expected = Counter()
    for row in world.feeds["survey"]:
        visit = visits[row["visit_id"]]
        who = (visit["patient_id"], visit["provider_id"], place(visit["clinic_location"]))
        day = date.fromisoformat(visit["visit_date"])
        expected[(*who, day, int(row["satisfaction_score"]), row["comment_text"] != "")] += 1
    found = world.ask(
        "select patient_id, provider_id, facility_id, service_date, satisfaction_score, has_comment"
        " from star.fact_survey as f"
        " join star.dim_patient as a using (patient_key)"
        " join star.dim_provider as p on f.provider_key = p.provider_key"
        " join star.dim_facility as d on f.facility_key = d.facility_key"
    )
    assert Counter(found) == expected
    assert world.early["surveys"] == [
        (world.samples.files["survey_20251201.csv"].count(b"\n") - 1,)
    ]


def test_all_who_treated_are_in_the_bridge(world: World) -> None:
    found = world.ask(
        "select encounter_id, provider_id, role"
        " from star.bridge_visit_provider join star.dim_provider using (provider_key)"
    )
    expected = {tuple(row.values()) for row in world.feeds["visit_providers"]}
    assert set(found) == expected and len(found) == len(expected) == 2102


def test_providers_never_described_are_inferred_members(world: World) -> None:
    found = world.ask(
        "select provider_id, p.is_inferred, specialty, provider_name, facility_id"
        " from star.dim_provider as p join star.dim_facility using (facility_key)"
        " where p.source_system = 'clinic'"
    )
    expected = {
        (
            row["provider_id"],
            False,
            row["provider_type"],
            row["provider_name"],
            place(row["home_clinic"]),
        )
        for row in world.feeds["providers"]
    }
    expected |= {(f"PR{number}", True, None, None, "unknown") for number in range(24, 31)}
    assert set(found) == expected and len(found) == 30
    checks = world.ask(
        "select c.feed, sum(c.failing_rows) from quality.check_result as c"
        " where c.check_name = 'provider_id_is_known' group by 1"
    )
    unknown = Counter(
        defect.file.rsplit("_", 1)[0]
        for defect in world.samples.planted
        if defect.kind == "unknown_provider"
    )
    assert dict(checks) == unknown


def test_patients_who_come_late_are_inferred_first(world: World) -> None:
    late = world.planted("arrives_late")
    assert late <= {row[0] for row in world.early["inferred"]} and len(late) == 5
    found = world.ask(
        "select patient_id, age_group, payer_type, gender, city, state, is_inferred"
        " from star.dim_patient where source_system = 'clinic'"
    )
    genders = {"Female": "F", "Male": "M", "Other": "Other"}
    expected = {
        row["patient_id"]: (*(row | {"gender": genders[row["gender"]]}).values(), False)
        for row in world.feeds["patients"]
    }
    assert {row[0]: row for row in found} == expected
    assert len(found) == 800


def test_what_the_checks_say_is_what_was_planted(world: World) -> None:
    found = world.ask(
        "select check_name, sum(failing_rows) from quality.check_result"
        " where outcome <> 'pass' and check_name <> 'provider_id_is_known' group by 1"
    )
    assert dict(found) == {
        "completed_has_visit": len(world.planted("no_visit")),
        "patient_id_is_known": sum(
            row["patient_id"] in {patient for patient, *_ in world.early["inferred"]}
            for feed in ("appointments", "visits")
            for row in csv.DictReader(
                io.StringIO(world.samples.files[f"{feed}_20251201.csv"].decode())
            )
        ),
    }
    assert len(world.planted("no_visit")) == 161
    star_checks = world.ask(
        "select count(distinct check_name) from quality.check_result where batch_id is null and outcome = 'pass'"
    )
    assert star_checks[0][0] > 20


def test_patients_at_risk(world: World) -> None:
    ends: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for row in world.feeds["appointments"]:
        ends[row["patient_id"]].append((row["scheduled_at"], row["appointment_id"], row["status"]))
    missed = {
        patient
        for patient, found in ends.items()
        if [status for *_, status in sorted(found)[-2:]] == ["NO_SHOW", "NO_SHOW"]
    }
    visits = {row["visit_id"]: row for row in world.feeds["visits"]}
    scores: dict[str, list[tuple[str, str, int]]] = defaultdict(list)
    for row in world.feeds["survey"]:
        visit = visits[row["visit_id"]]
        answer = (visit["visit_date"], row["visit_id"], int(row["satisfaction_score"]))
        scores[visit["patient_id"]].append(answer)
    unhappy = {patient for patient, found in scores.items() if max(found)[2] <= 2}
    names = "patient_id, has_missed_last_two, has_low_last_score"
    example = sql_files.sql("examples/patients_at_risk")
    found = world.ask(f"select {names} from ({example}) as e")
    assert set(found) == {
        (patient, patient in missed, patient in unhappy) for patient in missed | unhappy
    }
    assert len(found) == len(missed | unhappy) and len(missed) > 3 and len(unhappy) > 20


def test_the_same_again_writes_nothing(world: World) -> None:
    tables = (*FACTS, "dim_patient", "dim_provider", "dim_facility", "dim_encounter_profile")

    def rows() -> dict[str, set[tuple[Any, ...]]]:
        return {
            table: set(
                world.ask(f"select xmin::text, ctid::text, md5(t::text) from star.{table} as t")
            )
            for table in tables
        }

    before = rows()
    newest = {file.rsplit("_", 1)[0]: file for file in sorted(world.samples.files)}
    for file in newest.values():
        root = Path(os.environ["CLAIMHOUSE_LANDING_ROOT"].removeprefix("file://"))
        again = f"{file.removesuffix('.csv')}_again.csv"
        drop(root, again, world.samples.files[file].decode(), date(2026, 3, 1))
    ingest.run("clinic")
    assert len(batches(world.connection)) == len(world.samples.files)
    written = star.load_source("clinic", in_state(world.connection, "clinic", "loaded"))
    assert set(written.values()) == {0}
    assert rows() == before


def test_a_rebuild_gives_the_same(world: World) -> None:
    assert rebuilt(world.connection) == content(world.connection)


def content(connection: Connection) -> dict[str, Counter[tuple[Any, ...]]]:
    """The clinics' rows of the star, by natural keys."""
    members = {
        "patient": "concat(patient_id, ' ', valid_from)",
        "provider": "concat(provider_id, ' ', valid_from)",
        "facility": "facility_id",
        "appointment_profile": "appointment_status",
        "encounter_profile": "concat(encounter_class, ' ', modality, ' ', is_first_visit)",
    }
    found = {}
    for table in (*FACTS, "dim_patient", "dim_provider", "dim_facility"):
        cursor = connection.execute(f"select * from star.{table} limit 0".encode())
        columns = [column.name for column in cursor.description or ()]
        values = []
        for column in columns:
            member = column.removesuffix("_key")
            if member in members and member != table.removeprefix("dim_"):
                values.append(
                    f"(select {members[member]} from star.dim_{member} as d where d.{column} = f.{column})"
                )
            elif member not in members:
                values.append(f"f.{column}")
        question = (
            f"select {', '.join(values)} from star.{table} as f where source_system = 'clinic'"
        )
        found[table] = Counter(connection.execute(question.encode()).fetchall())
    return found


def rebuilt(connection: Connection) -> dict[str, Counter[tuple[Any, ...]]]:
    """The same rows after a rebuild, which is rolled back."""
    with connection.transaction(force_rollback=True):
        star.rebuild(connection, "clinic")
        return content(connection)


# --- what changes later ----------------------------------------------------------------------------

HEADERS = {
    "patients": clinic.PATIENT_COLUMNS,
    "providers": clinic.PROVIDER_COLUMNS,
    "appointments": clinic.APPOINTMENT_COLUMNS,
    "visits": clinic.VISIT_COLUMNS,
    "visit_providers": clinic.VISIT_PROVIDER_COLUMNS,
    "survey": clinic.SURVEY_COLUMNS,
    "date_dim": clinic.DATE_COLUMNS,
}


@dataclass
class Clinics:
    """A network of clinics that sends small files, day by day."""

    connection: Connection
    root: Path
    day: date = date(2026, 1, 1)

    def send(self, **feeds: list[str]) -> None:
        """Load the files of a day, given as lines, and compare the star with a rebuild."""
        for feed, lines in feeds.items():
            text = "\n".join([",".join(HEADERS[feed]), *lines, ""])
            drop(self.root, f"{feed}_{self.day:%Y%m%d}.csv", text, self.day)
        ingest.run("clinic")
        self.day += timedelta(1)
        assert content(self.connection) == rebuilt(self.connection)

    def ask(self, question: str) -> list[tuple[Any, ...]]:
        """The rows that a query returns."""
        return self.connection.execute(question.encode()).fetchall()

    def links(self) -> dict[str, str]:
        """Each rescheduled appointment, and what replaced it."""
        return dict(
            self.ask(
                "select appointment_id, replaced_by_id from star.fact_appointment"
                " where replaced_by_id is not null"
            )
        )


@pytest.fixture
def clinics(warehouse: Connection, landing_root: Path) -> Clinics:
    return Clinics(warehouse, landing_root)


def booked(
    number: int,
    day: str,
    status: str = "RESCHEDULED",
    patient: str = "P0001",
    provider: str = "PR01",
) -> str:
    """A line of an appointments file."""
    return f"A{number},{patient},{day} 10:00:00,{status},East Clinic,{provider}"


def visit(
    number: int, day: str = "2025-03-03", patient: str = "P0001", provider: str = "PR01",
    clinic_name: str = "East Clinic",
) -> str:  # fmt: skip
    """A line of a visits file."""
    return f"V{number},A{number},{patient},{day},{provider},100.00,{clinic_name},False,30,In-Person"


def test_only_a_certain_replacement_is_linked(clinics: Clinics) -> None:
    clinics.send(
        appointments=[
            booked(1, "2025-03-03"),  # replaced by the next, which is rescheduled again
            booked(2, "2025-03-10"),
            booked(3, "2025-04-09", "CANCELLED"),  # exactly 30 days later
            booked(4, "2025-04-20", "COMPLETED"),
            booked(5, "2025-06-02"),  # 31 days before the next
            booked(6, "2025-07-03", "COMPLETED"),
            booked(7, "2025-08-04"),  # the next is with somebody else
            booked(8, "2025-08-05", "COMPLETED", provider="PR02"),
            booked(9, "2025-08-05", "COMPLETED", patient="P0002"),
            booked(10, "2025-09-01", patient=""),  # nobody's appointments follow nobody's
            booked(11, "2025-09-02", patient=""),
            booked(12, "2025-09-01", provider="", patient="P0003"),
            booked(13, "2025-09-02", "COMPLETED", provider="", patient="P0003"),
        ]
    )
    assert clinics.links() == {"A1": "A2", "A2": "A3"}


def test_a_link_follows_what_later_files_say_of_other_appointments(clinics: Clinics) -> None:
    clinics.send(appointments=[booked(1, "2025-03-03"), booked(5, "2025-03-20", "COMPLETED")])
    assert clinics.links() == {"A1": "A5"}
    clinics.send(appointments=[booked(2, "2025-03-10", "COMPLETED")])  # comes between
    assert clinics.links() == {"A1": "A2"}
    clinics.send(appointments=[booked(2, "2025-03-10", "COMPLETED", provider="PR02")])
    assert clinics.links() == {"A1": "A5"}
    clinics.send(appointments=[booked(5, "2025-03-20", "COMPLETED", patient="P0002")])
    assert clinics.links() == {}
    clinics.send(appointments=[booked(5, "2025-03-21", "COMPLETED")])
    assert clinics.links() == {"A1": "A5"}
    clinics.send(appointments=[booked(1, "2025-03-03", "NO_SHOW")])
    assert clinics.links() == {}


def test_an_answer_takes_patient_and_place_from_a_visit_that_comes_later(clinics: Clinics) -> None:
    question = (
        "select patient_id, provider_id, facility_id, service_date, satisfaction_score, has_comment"
        " from star.fact_survey join star.dim_patient using (patient_key)"
        " join star.dim_provider using (provider_key)"
        " join star.dim_facility as d on fact_survey.facility_key = d.facility_key"
    )
    clinics.send(survey=["V1,4,"])
    assert clinics.ask(question) == [("unknown", "unknown", "unknown", None, 4, False)]
    clinics.send(visits=[visit(1)])
    day = date(2025, 3, 3)
    assert clinics.ask(question) == [("P0001", "PR01", "East Clinic", day, 4, False)]
    clinics.send(visits=[visit(1, "2025-03-04", "P0002", clinic_name="Telehealth Hub")])
    day = date(2025, 3, 4)
    assert clinics.ask(question) == [("P0002", "PR01", "not applicable", day, 4, False)]
    clinics.send(survey=["V1,2,Sorry"])
    assert clinics.ask(question) == [("P0002", "PR01", "not applicable", day, 2, True)]


def test_the_bridge_keeps_who_is_not_sent_again_and_follows_the_visits_day(
    clinics: Clinics,
) -> None:
    question = (
        "select provider_id, specialty, role, service_date"
        " from star.bridge_visit_provider join star.dim_provider using (provider_key) order by 1"
    )
    clinics.send(
        providers=["PR01,Ada Birch,Dermatologist,East Clinic"],
        visits=[visit(1)],
        visit_providers=["V1,PR01,Primary", "V1,PR02,Secondary"],
    )
    day = date(2025, 3, 3)
    first = ("PR01", "Dermatologist", "Primary", day)
    assert clinics.ask(question) == [first, ("PR02", None, "Secondary", day)]
    clinics.send(visit_providers=["V1,PR03,Secondary"])
    assert clinics.ask(question) == [
        first, ("PR02", None, "Secondary", day), ("PR03", None, "Secondary", day),
    ]  # fmt: skip
    clinics.send(
        providers=["PR01,Ada Birch,Rheumatologist,West Clinic"],  # from the day it is received
        visit_providers=["V1,PR02,Primary"],
    )
    assert clinics.ask(question)[0] == first
    clinics.send(visits=[visit(1, "2026-02-01")])
    assert clinics.ask(question)[0] == ("PR01", "Rheumatologist", "Primary", date(2026, 2, 1))
    warned = clinics.ask(
        "select outcome, failing_rows from quality.check_result"
        " where check_name = 'visit_has_one_primary_provider' order by check_result_id desc limit 1"
    )
    assert warned == [("warn", 1)]
    clinics.send(providers=["PR01,Ada Birch,Nurse Practitioner,West Clinic"])  # before that day
    assert clinics.ask(question)[0] == ("PR01", "Nurse Practitioner", "Primary", date(2026, 2, 1))


def test_a_name_of_a_clinic_is_standardized_only_where_that_is_certain(clinics: Clinics) -> None:
    standard_names = {
        "East Clinic": "East Clinic",
        " East Clinic ": "East Clinic",
        "EAST CLINIC": "East Clinic",
        "East  Clinic": "East Clinic",
        "East Health Center": "East Clinic",
        "EAST health  center": "East Clinic",
        "Est Clinic": None,  # one slip from West, too
        "Moon Base": None,
        "telehealth": "Telehealth Hub",
    }
    lines = [visit(number, clinic_name=name) for number, name in enumerate(standard_names, start=1)]
    clinics.send(visits=lines)
    found = clinics.ask("select clinic_location from source_clinic.visits order by row_number")
    assert [row[0] for row in found] == list(standard_names.values())
    rules = {row[5]: row[2:4] for row in issues(clinics.connection) if row[1] == "clinic_location"}
    corrected, unknown = ("misspelling", "warning"), ("enum", "warning")
    assert rules == {
        name: unknown if standard is None else corrected
        for name, standard in standard_names.items()
        if name.strip() != standard
    }
    keys = clinics.ask(
        "select facility_id from star.fact_encounter join star.dim_facility using (facility_key)"
        " order by row_number"
    )
    ids = {None: "unknown", HUB: "not applicable"}
    assert [row[0] for row in keys] == [ids.get(name, name) for name in standard_names.values()]


def test_the_networks_calendar_is_compared_and_not_loaded(clinics: Clinics) -> None:
    before = clinics.ask("select count(*) from star.dim_date")
    clinics.send(
        date_dim=["2025-03-31,3,Q1,2025", "2025-04-01,4,Q1,2025", "2025-04-04,4,2,2025"],
        visits=[visit(1, "2025-05-05"), visit(2, "2025-04-01")],
    )
    assert clinics.ask("select count(*) from star.dim_date") == before
    found = clinics.ask(
        "select check_name, outcome, measured_value from quality.check_result as c"
        " join landing.batch using (batch_id) where c.feed = 'date_dim' and outcome <> 'pass' order by 1"
    )
    assert found == [
        ("agrees_with_our_calendar", "warn", 1),
        ("covers_what_happened", "warn", 1),
        ("days_follow_each_other", "warn", 2),
    ]


def test_checks_between_feeds_name_the_rows_concerned(clinics: Clinics) -> None:
    clinics.send(
        appointments=[
            booked(1, "2025-03-03", "COMPLETED"),
            booked(2, "2025-03-03", "NO_SHOW"),
            booked(3, "2025-03-04", "COMPLETED"),
            booked(4, "2025-03-03", "COMPLETED", patient="P0002"),
            booked(5, "2025-03-03", "COMPLETED"),
        ],
        visits=[
            visit(1),
            visit(2),
            visit(3),
            visit(4),
            visit(6).replace("A6", "A1").replace("False", "True").replace("03-03", "03-05"),
        ],
        visit_providers=["V1,PR01,Primary", "V2,PR02,Primary", "V3,PR01,Secondary"],
    )
    found = clinics.ask(
        "select check_name, record_key from quality.failing_row join quality.check_result using (check_result_id)"
        " where check_name not like '%_is_known' and batch_id is not null"
    )
    expected = {
        "completed_has_visit": {"A5"},
        "fits_its_appointment": {"V2", "V3", "V4", "V6"},
        "appointment_has_one_visit": {"A1"},
        "first_visit_comes_first": {"V6"},
        "visit_has_one_primary": {"V3"},
        "primary_is_the_visits_provider": {"V2"},
    }
    rows: dict[str, set[str]] = defaultdict(set)
    for name, key in found:
        rows[name].add(key)
    assert rows == expected


def test_columns_about_a_person_are_classified() -> None:
    classes = {
        (contract.feed, column.name): column.classification
        for contract in contracts.of_source("clinic")
        for column in contract.columns
    }
    ids = {"patient_id", "visit_id", "appointment_id"}
    assert {kind for (_, name), kind in classes.items() if name in ids} == {"identifier"}
    assert not [
        name for (feed, name), kind in classes.items() if feed == "patients" and kind == "public"
    ]
    assert classes["survey", "comment_text"] == "free_text"
    assert {classes["visits", "visit_date"], classes["appointments", "scheduled_at"]} == {"date"}


def test_a_default_capacity_is_stated(clinics: Clinics) -> None:
    clinics.send(providers=["PR01,Ada Birch,Dermatologist,East Clinic"])
    found = clinics.ask(
        "select available_minutes_a_workday::integer from reference.provider_capacity where specialty = 'default'"
    )
    assert found == [(480,)]


def test_the_star_checks_see_what_is_wrong(clinics: Clinics) -> None:
    clinics.send(
        patients=["P0001,18-34,Medicare,Female,Lowell,Massachusetts"],
        providers=["PR01,Ada Birch,Dermatologist,East Clinic"],
        appointments=[booked(1, "2025-03-03"), booked(2, "2025-03-10", "COMPLETED")],
        visits=[visit(2, "2025-03-10")],
        visit_providers=["V2,PR01,Primary", "V2,PR02,Secondary"],
        survey=["V2,4,"],
    )
    rounds = [
        {
            "update star.fact_appointment set replaced_by_id = null": ["appointments_equal_source"],
            "update star.fact_survey set satisfaction_score = 5": ["surveys_equal_source"],
            "update star.fact_encounter set total_claim_cost = 100.01": [
                "visit_money_and_minutes_reconcile"
            ],
            "delete from star.bridge_visit_provider where role = 'Secondary'": [
                "visit_providers_equal_source"
            ],
            "insert into star.dim_facility (source_system, facility_id) values ('clinic', 'Telehealth Hub')": [
                "hub_is_no_clinic"
            ],
        },
        {
            "update star.fact_appointment set replaced_by_id = 'A1' where appointment_id = 'A1'": [
                "appointments_equal_source", "replacement_is_a_later_one",
            ],
            "update star.fact_appointment set facility_key = 99": ["appointment_keys_lead_somewhere"],
            "update star.fact_survey set patient_key = 99": ["survey_keys_lead_somewhere"],
            "update star.fact_encounter set encounter_id = 'V9'": [
                "encounters_are_loaded", "facts_were_received", "visit_money_and_minutes_reconcile",
            ],
            "update star.bridge_visit_provider set provider_key = 99 where role = 'Secondary'": [
                "visit_providers_equal_source", "visit_provider_keys_lead_somewhere",
            ],
        },
        {
            "update star.fact_appointment set replaced_by_id = 'A3', completed_count = 1": [
                "appointments_equal_source", "appointment_ended_one_way", "appointment_replaces_one",
                "replacement_is_a_later_one",
            ],
            "delete from star.fact_survey": ["surveys_equal_source"],
        },
        {"delete from star.fact_appointment where appointment_id = 'A2'": [
            "appointments_equal_source", "replacement_is_a_later_one",
        ]},
    ]  # fmt: skip
    for wrong in rounds:
        for statement in wrong:
            clinics.connection.execute(statement.encode())
        with pytest.raises(checks.ChecksFailed) as failed:
            checks.scan_star("clinic", everything=True)
        expected = {name for names in wrong.values() for name in names}
        assert {failure.check_name for failure in failed.value.failures} == expected
        star.rebuild(clinics.connection, "clinic")
    checks.scan_star("clinic", everything=True)
