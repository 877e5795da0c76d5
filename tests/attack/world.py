"""Claims and a hospital with every kind of reader, and what can change of others without their knowing."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql
from tests.worlds.client_world import World, client_file, role_of, roles_file
from tests.worlds.hospital_world import Hospital

from claimhouse import reporting

SERVICE = "tableau_service"
# Rows of members and claims; the others are counts of everybody, which others' rows may change.
ROW_REPORTS = [
    "member_encounters", "own_specialty_encounters", "specialty_choice", "member_procedures",
]  # fmt: skip
COUNTS = [
    "hospital_activity", "members_helped", "missed_patients", "procedure_cost_index",
]  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """Somebody who tries to learn of others.

    Attributes:
        login: the login of a person, or a role that the deliverer takes.
        tableau_user: to whom the session of Tableau's login is bound.
        is_taken: whether a trusted session takes the role, as a delivery does.
        sees_counts: whether it may know numbers about everybody.
        sees_hospice: whether hospice care of its members is its own.
    """

    name: str
    login: str
    tableau_user: str | None = None
    is_taken: bool = False
    sees_counts: bool = False
    sees_hospice: bool = False


class AttackedWorld:
    """A published warehouse of three sources, in a database of its own."""

    def __init__(
        self, owner: psycopg.Connection[Any], address: str, folder: Path, encounters: int = 240
    ) -> None:
        self.owner, self.address, self.folder = owner, address, folder
        self.roles = folder / "roles.yml"
        self.claims = World(owner, address, folder, claims=200)
        self.hospital = Hospital(owner, address, encounters=encounters)
        self.tag = uuid.uuid4().hex[:6]
        self._added = 0
        self.readers = self._write_files()
        self.publish()

    def client(self, name: str) -> str:
        """The client's name on this server, whose roles all tests share."""
        return f"{name}_{self.tag}"

    def publish(self) -> None:
        """Publish, with fresh statistics of every table."""
        reporting.publish(self.owner, self.folder, self.roles)
        self.owner.execute("analyze")

    @contextmanager
    def session(self, reader: Reader) -> Iterator[psycopg.Connection[Any]]:
        """A session of *reader*, in autocommit."""
        role = role_of(self.owner, reader.login)
        login = urlsplit(self.address).username if reader.is_taken else role
        address = urlunsplit(urlsplit(self.address)._replace(netloc=f"{login}@"))
        with psycopg.connect(address, autocommit=True) as session:
            # psycopg would prepare a statement by itself once it was run five times
            session.prepare_threshold = None
            if reader.is_taken:
                session.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
            if reader.tableau_user:
                session.execute("select security.bind(%s)", (reader.tableau_user,))
            yield session

    def views(self, session: psycopg.Connection[Any]) -> dict[str, dict[str, str]]:
        """The columns, and their types, of each view that the session may read."""
        found: dict[str, dict[str, str]] = {}
        for view, column, kind in session.execute(
            "select c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod)"
            " from pg_class as c join pg_attribute as a on a.attrelid = c.oid"
            " where c.relnamespace = 'reporting'::regnamespace and a.attnum > 0"
            " and not a.attisdropped and has_table_privilege(c.oid, 'select') order by 1, a.attnum"
        ):
            found.setdefault(view, {})[column] = kind
        return found

    def add_hospice(self, payers: tuple[str, ...], encounters: int) -> None:
        """Hospice encounters of new patients of *payers*."""
        for number in range(encounters):
            self._encounter(payers[number % len(payers)], "385763009", 7 + number % 3)

    def add_encounters(self, payers: tuple[str, ...], encounters: int) -> None:
        """Encounters of new patients of *payers*."""
        for number in range(encounters):
            self._encounter(payers[number % len(payers)], "29303009", 20 + number)

    def remove_encounters(self, payer: str) -> None:
        """Everything of *payer*'s members."""
        key = self.hospital.payers[payer]
        for table in ("fact_procedure", "fact_encounter"):
            self.owner.execute(f"delete from star.{table} where payer_key = %s", (key,))

    def add_claims(self, specialty: str, claims: int) -> None:
        """Billing claims of new patients, with a new provider of *specialty*."""
        self._added += 1
        provider, _, _ = self.claims._provider("billing", f"NEW{self._added}", specialty)
        self.owner.execute(
            "insert into star.fact_claim select (jsonb_populate_record(f, jsonb_build_object("
            "'claim_id', 'NEW' || f.claim_id, 'provider_key', %s::int))).*"
            " from star.fact_claim as f where f.source_system = 'billing' and f.claim_id not like 'NEW%%'"
            " order by f.claim_id limit %s",
            (provider, claims),
        )

    def add_client(self, name: str) -> None:
        """The file of a new client, who has an audience of its own."""
        client_file(
            self.folder, self.client(name), ("hospital", {"payers": ["Aetna"]}),
            reports=["member_procedures", "member_encounters"], logins=["analyst"],
        )  # fmt: skip

    def _encounter(self, payer: str, code: str, minutes: int) -> None:
        self._added += 1
        hospital, name = self.hospital, f"new-{self._added:05}"
        (patient,) = self.owner.execute(
            "insert into star.dim_patient (source_system, patient_id, first_name, birth_date, gender,"
            " city, state, zipcode, valid_from, valid_to, is_current) values ('hospital', %s, 'Norbert',"
            " '1950-05-17', 'F', 'Newtown', 'Massachusetts', '59230', '1900-01-01', '9999-12-31', true)"
            " returning patient_key",
            (name,),
        ).fetchone() or (None,)
        hospice = code == "385763009"
        day, cost = date(2025, 2, 3), Decimal(minutes) * 101
        self.owner.execute(
            "insert into star.fact_encounter (source_system, encounter_id, patient_key, provider_key,"
            " facility_key, payer_key, procedure_key, diagnosis_key, encounter_profile_key,"
            " service_date_key, specialty, is_restricted, service_date, total_claim_cost,"
            " payer_coverage, patient_share, length_minutes, batch_id, row_number)"
            " select 'hospital', %s, %s, -2, -1, %s, -1, -1, min(p.encounter_profile_key), -1, %s, %s,"
            " %s, %s, 0, %s, %s, %s, %s from star.dim_encounter_profile as p"
            " where p.encounter_class = 'ambulatory'",
            (
                name, patient, hospital.payers[payer], "hospice" if hospice else "cardiology",
                hospice, day, cost, cost, minutes, hospital.batch_id, 100_000 + self._added,
            ),
        )  # fmt: skip
        self.owner.execute(
            "insert into star.fact_procedure (source_system, encounter_id, procedure_id, started_at,"
            " patient_key, facility_key, payer_key, procedure_key, diagnosis_key, service_date_key,"
            " is_restricted, service_date, base_cost, length_minutes, batch_id, row_number)"
            " values ('hospital', %s, %s, %s, %s, -1, %s, %s, -1, -1, %s, %s, %s, %s, %s, %s)",
            (
                name, code, day, patient, hospital.payers[payer], hospital.codes[code], hospice,
                day, cost, minutes, hospital.batch_id, 100_000 + self._added,
            ),
        )  # fmt: skip

    def _write_files(self) -> list[Reader]:
        """Everybody's files; returns who attacks."""
        united, humana, summit = self.client("united"), self.client("humana"), self.client("summit")
        una = f"una@{self.tag}.example"
        client_file(
            self.folder, united, ("hospital", {"payers": ["UnitedHealthcare"]}),
            reports=[*ROW_REPORTS, *COUNTS],
            logins=[{"name": "analyst", "tableau_user": una}],
        )  # fmt: skip
        client_file(
            self.folder, humana,
            ("hospital", {"payers": ["Humana"], "restricted_specialties": ["hospice"]}),
            reports=["member_encounters", "own_specialty_encounters", "members_helped"],
            logins=[
                {"name": f"{specialty}_desk", "specialty": specialty,
                 "tableau_user": f"{specialty}@{self.tag}.example"}
                for specialty in ("cardiology", "dialysis", "hospice")
            ],
        )  # fmt: skip
        client_file(
            self.folder, summit, ("billing", ["orthopedist", "physical_therapist"]),
            logins=["analyst"],
        )  # fmt: skip
        clinic, advocates = self.client("clinic"), self.client("advocates")
        roles_file(
            self.roles,
            {"name": clinic, "reports": ["claims_by_key_fields", "claims_to_handle"],
             "entitlements": [{"source_system": "clinic", "every_row": True}], "logins": ["ann"]},
            {"name": advocates, "privacy_level": "aggregate",
             "reports": ["uninsured_by_procedure", "uninsured_by_place"],
             "entitlements": [{"source_system": "hospital", "every_row": True}], "logins": ["ada"]},
        )  # fmt: skip
        desk = f"client_{humana}__"
        return [
            Reader("united", f"client_{united}__analyst", sees_counts=True),
            Reader("cardiology desk", f"{desk}cardiology_desk"),
            Reader("dialysis desk", f"{desk}dialysis_desk"),
            Reader("hospice desk", f"{desk}hospice_desk", sees_hospice=True),
            Reader("summit", f"client_{summit}__analyst"),
            Reader("clinic office", f"staff_{clinic}__ann"),
            Reader("advocates", f"staff_{advocates}__ada", sees_counts=True),
            Reader("extract of united", f"client_{united}", is_taken=True, sees_counts=True),
            Reader("extract of humana", f"client_{humana}", is_taken=True),
            Reader("Tableau, bound", SERVICE, una, sees_counts=True),
            Reader("Tableau, a desk", SERVICE, f"dialysis@{self.tag}.example"),
            Reader("Tableau, a stranger", SERVICE, "stranger@nowhere.example"),
            Reader("Tableau, unbound", SERVICE),
        ]
