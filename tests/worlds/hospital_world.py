"""A small hospital, inserted into the star: patients of several payers, some in hospice.

What each reader should see of it is computed in plain Python from :attr:`Hospital.encounters`
and :attr:`Hospital.procedures`.
"""

from __future__ import annotations

import json
import random
import uuid
from collections import defaultdict
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from local import embedded
from tests.conftest import TEMPLATE
from tests.worlds.client_world import MASTER_KEY, role_of
from tests.worlds.manifest import enter_file

LOADED = datetime(2026, 3, 2, 4, 5, 6, tzinfo=UTC)
PAYERS = {"UnitedHealthcare": True, "Humana": True, "Aetna": True, "Uninsured": False}
PROCEDURES = {
    "29303009": ("Electrocardiogram", "cardiology"),
    "40701008": ("Echocardiography", "cardiology"),
    "265764009": ("Renal dialysis", "dialysis"),
    "171207006": ("Depression screening", "screening"),
    "385763009": ("Hospice care", "hospice"),
}


@contextmanager
def database(server):
    """A migrated warehouse for the tests of a module that only read it: its address and its owner."""
    name = f"m_{uuid.uuid4().hex[:12]}"
    address = embedded.create_database(server, name, template=TEMPLATE)
    key = json.dumps({"conn_type": "generic", "password": MASTER_KEY})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WAREHOUSE_URL", address)
        patch.setenv("AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM", key)
        with psycopg.connect(address, autocommit=True) as owner:
            yield address, owner
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)')


class Hospital:
    """About 700 procedures in 360 encounters; every twelfth encounter has to do with hospice."""

    def __init__(self, connection, address, encounters=360):
        self.connection, self.address = connection, address
        self.dice = random.Random(11)
        self.encounters, self.procedures = [], []
        self._batch()
        self.payers = {name: self._payer(name, insurer) for name, insurer in PAYERS.items()}
        self.codes = {code: self._procedure(code, *what) for code, what in PROCEDURES.items()}
        self.patients = [self.patient(number) for number in range(160)]
        with connection.transaction():
            for number in range(encounters):
                self._encounter(number)
        connection.execute("analyze star.fact_encounter, star.fact_procedure, star.dim_patient")

    @contextmanager
    def session(self, login):
        """A session of its own, as the role of *login*."""
        role = role_of(self.connection, login)
        parts = urlsplit(self.address)
        address = urlunsplit(parts._replace(netloc=f"{role}@"))
        with psycopg.connect(address, autocommit=True) as connection:
            yield connection

    def seen(self, facts, payer, restricted=()):
        """The rows of *facts* that a reader entitled to the members of *payer* may see."""
        return [
            fact for fact in facts
            if payer in (None, fact["payer"]) and (not fact["hospice"] or "hospice" in restricted)
        ]  # fmt: skip

    def by(self, facts, *columns):
        """Distinct patients of *facts* by *columns*."""
        patients = defaultdict(set)
        for fact in facts:
            patients[tuple(fact[column] for column in columns)].add(fact["patient_id"])
        return {key: len(ids) for key, ids in patients.items()}

    def _encounter(self, number):
        patient = self.dice.choice(self.patients)
        payer = patient["payer"]
        day = date(2024, 1, 1) + timedelta(days=self.dice.randrange(700))
        if number % 12 == 0:
            codes = ["385763009", "171207006"]  # a screening in hospice tells of it
        else:
            # nobody uninsured has dialysis: a count of zero, which stays
            offered = [
                code for code in list(PROCEDURES)[:4] if payer != "Uninsured" or code != "265764009"
            ]
            codes = self.dice.sample(offered, self.dice.randrange(1, 4))
        self.treat(number, patient, day, codes)

    def treat(self, number, patient, day, codes):
        """An encounter of *patient* in which the procedures *codes* are done."""
        payer = patient["payer"]
        specialty = next(PROCEDURES[code][1] for code in codes)
        hospice = specialty == "hospice"
        profile = self._one(
            "insert into star.dim_encounter_profile (encounter_class) values ('ambulatory')"
            " on conflict (encounter_class, modality, is_first_visit)"
            " do update set encounter_class = excluded.encounter_class"
            " returning encounter_profile_key")  # fmt: skip
        lines = {code: Decimal(self.dice.randrange(1_000, 90_000)) / 100 for code in codes}
        encounter = {
            "encounter_id": f"enc-{number:05}", "patient_id": patient["patient_id"], "payer": payer,
            "specialty": specialty, "hospice": hospice, "day": day, "cost": sum(lines.values()),
            "city": patient["city"],
        }  # fmt: skip
        self.encounters.append(encounter)
        # As the hospital's mapping has it: anything restricted in it restricts the whole encounter.
        self.connection.execute(
            "insert into star.fact_encounter (source_system, encounter_id, patient_key, provider_key,"
            " facility_key, payer_key, procedure_key, diagnosis_key, encounter_profile_key,"
            " service_date_key, specialty, is_restricted, service_date, total_claim_cost,"
            " payer_coverage, patient_share, length_minutes, batch_id, row_number)"
            " values ('hospital', %s, %s, -2, -1, %s, -1, -1, %s, -1, %s, %s, %s, %s, 0, %s, 30, 1, %s)",
            (encounter["encounter_id"], patient["key"], self.payers[payer], profile, specialty,
             hospice, day, encounter["cost"], encounter["cost"], number))  # fmt: skip
        for code, cost in lines.items():
            self.procedures.append(encounter | {
                "code": code, "name": PROCEDURES[code][0], "specialty": PROCEDURES[code][1], "cost": cost,
            })  # fmt: skip
            self.connection.execute(
                "insert into star.fact_procedure (source_system, encounter_id, procedure_id, started_at,"
                " patient_key, facility_key, payer_key, procedure_key, diagnosis_key, service_date_key,"
                " is_restricted, service_date, base_cost, length_minutes, batch_id, row_number)"
                " values ('hospital', %s, %s, %s, %s, -1, %s, %s, -1, -1, %s, %s, %s, 15, 1, %s)",
                (encounter["encounter_id"], code, day, patient["key"], self.payers[payer],
                 self.codes[code], hospice, day, cost, number))  # fmt: skip

    def _batch(self):
        file_id = enter_file(self.connection, "hospital", "encounters")
        self.batch_id = self._one(
            "insert into landing.batch (file_id, source_system, feed, received_date, state,"
            " code_version, loaded_at) values (%s, 'hospital', 'encounters', '2026-03-01', 'loaded',"
            " 'test', %s) returning batch_id", file_id, LOADED)  # fmt: skip

    def _payer(self, name, is_insurer):
        return self._one(
            "insert into star.dim_payer (source_system, payer_id, payer_name, is_insurer)"
            " values ('hospital', %s, %s, %s) returning payer_key", name.lower(), name, is_insurer)  # fmt: skip

    def _procedure(self, code, name, specialty):
        return self._one(
            "insert into star.dim_procedure (source_system, procedure_id, procedure_name, specialty,"
            " is_restricted) values ('hospital', %s, %s, %s, %s) returning procedure_key",
            code, name, specialty, specialty == "hospice")  # fmt: skip

    def patient(self, number, payer=None):
        """A patient of *payer*, or of any."""
        payer = payer or self.dice.choices(list(PAYERS), (8, 6, 6, 1))[0]
        # Only UnitedHealthcare's cities are numbers: a cast fails on those of everybody else.
        city = "02118" if payer == "UnitedHealthcare" else "Xanadu"
        birth = date(1930 + number % 80, 5, 17)
        zipcode = ("02118", "03601", "59230")[number % 3]
        key = self._one(
            "insert into star.dim_patient (source_system, patient_id, first_name, last_name, address,"
            " birth_date, gender, city, state, zipcode, valid_from, valid_to, is_current)"
            " values ('hospital', %s, 'Zebulon', 'Quillfeather', '1 Secret Street', %s, 'F', %s,"
            " 'Massachusetts', %s, '1900-01-01', '9999-12-31', true) returning patient_key",
            f"pat-{number:04}", birth, city, zipcode)  # fmt: skip
        return {
            "key": key, "patient_id": f"pat-{number:04}", "payer": payer, "city": city,
            "birth": birth, "zip": zipcode,
        }  # fmt: skip

    def _one(self, text, *values):
        return self.connection.execute(text, values).fetchone()[0]
