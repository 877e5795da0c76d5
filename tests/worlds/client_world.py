"""A small star with claims of several clients, their files, and what each may see.

What a client should see is computed here in plain Python from the inserted rows, and the
pseudonyms with Python's hmac.
"""

from __future__ import annotations

import hashlib
import hmac
import random
import uuid
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from urllib.parse import urlsplit, urlunsplit

import psycopg
import yaml
from psycopg.rows import tuple_row
from tests.worlds.manifest import enter_file

MASTER_KEY = "an example of a master key"
SPECIALTIES = ("orthopedist", "physical_therapist", "heart_surgeon", "family_physician")
LOADED = datetime(2026, 3, 2, 4, 5, 6, tzinfo=UTC)
COLUMNS = (
    "provider_specialty",
    "service_month",
    "date_of_service",
    "claim_pseudonym",
    "patient_pseudonym",
    "patient_city",
    "patient_state",
    "visit_type",
    "coverage_percent",
    "total_cost",
    "covered_amount",
    "is_billed",
    "as_of",
)


def role_of(connection, login):
    """The database role of *login*, or the last one that it had; one that is no reader's is a role itself."""
    found = connection.cursor(row_factory=tuple_row).execute(
        "select value from security.entitlement_history where kind = 'role' and login = %s"
        " order by valid_from desc limit 1", (login,),
    )  # fmt: skip
    return (found.fetchone() or (login,))[0]


def client_file(folder, client, *entitlements, **changes):
    """Write the file of *client*, entitled to (source, [specialties]) pairs; returns its path.

    A dict instead of a list of specialties is an entitlement with other keys.
    """
    client_data = {
        "name": client,
        "title": f"{client} & Co",
        "privacy_level": "limited",
        "reports": ["claims_by_specialty_month"],
        "entitlements": [
            {"source_system": source}
            | (values if isinstance(values, dict) else {"specialties": list(values)})
            for source, values in entitlements
        ],
        "logins": ["analyst"],
        "subscriptions": [],
    }
    file = folder / f"{client}.yaml"
    file.write_text(yaml.safe_dump(client_data | changes, sort_keys=False))
    return file


def roles_file(file, *roles):
    """Write a roles file; each of *roles* is a dict with the differences from a role without access."""
    nothing = {
        "privacy_level": "limited",
        "schemas": [],
        "reports": [],
        "entitlements": [],
        "logins": [],
    }
    entries = [nothing | {"title": role["name"]} | role for role in roles]
    file.write_text(yaml.safe_dump({"roles": entries}, sort_keys=False))
    return file


class World:
    """Claims of two source systems, and the files of the clients who read them."""

    def __init__(self, connection, address, folder, claims=400):
        self.connection, self.address, self.folder = connection, address, folder
        # Roles belong to the server, which the tests share: each world has clients of its own.
        tag = uuid.uuid4().hex[:8]
        self.summit, self.harbor, self.empty = f"summit_{tag}", f"harbor_{tag}", f"empty_{tag}"
        self.claims = []
        self._fill(random.Random(7), claims)

    def write(self, client, *entitlements, **changes):
        """Write the file of *client* into this world's folder."""
        return client_file(self.folder, client, *entitlements, **changes)

    def write_all(self):
        """Write the files of all three clients."""
        self.write(self.summit, ("billing", ["orthopedist", "physical_therapist"]))
        self.write(self.harbor, ("billing", ["heart_surgeon"]), ("clinic", ["orthopedist"]))
        self.write(self.empty)

    def login(self, name):
        """The login of the client's one person."""
        return f"client_{name}__analyst"

    def role(self, name):
        """The database role of the client's one person."""
        return role_of(self.connection, self.login(name))

    def role_of_extracts(self, name):
        """The database role that reads the client's extracts."""
        return role_of(self.connection, f"client_{name}")

    @contextmanager
    def session(self, login):
        """A session of its own, as the role of *login*."""
        role = role_of(self.connection, login)
        parts = urlsplit(self.address)
        address = urlunsplit(parts._replace(netloc=f"{role}@"))
        with psycopg.connect(address, autocommit=True) as connection:
            yield connection

    def expected(self, client, *entitlements):
        """The rows *client* should see, sorted."""
        allowed = {
            (source, specialty) for source, specialties in entitlements for specialty in specialties
        }
        rows = []
        for claim in self.claims:
            if (claim["source"], claim["specialty"]) in allowed:
                known = claim["patient_id"] is not None
                patient = self.pseudonym(client, "patient", claim["source"], claim["patient_id"])
                rows.append(
                    (
                        claim["specialty"],
                        claim["service_date"].replace(day=1),
                        claim["service_date"],
                        self.pseudonym(client, "claim", claim["source"], claim["claim_id"]),
                        patient if known else None,
                        claim["city"],
                        claim["state"],
                        claim["visit_type"],
                        claim["coverage"],
                        claim["cost"],
                        claim["covered"],
                        claim["billed"],
                        LOADED if claim["source"] == "billing" else None,
                    )
                )
        return sorted(rows, key=lambda row: (row[0], row[1], row[2], row[3]))

    @staticmethod
    def pseudonym(client, kind, source, identifier):
        """What *client* should see instead of the identifier."""

        def mac(key, text):
            return hmac.new(key, text.encode(), hashlib.sha256)

        key = mac(MASTER_KEY.encode(), f"claimhouse pseudonym\x1f{client}").digest()
        return mac(key, f"{kind}\x1f{source}\x1f{identifier}").hexdigest()[:32]

    def _fill(self, dice, claims):
        self._batch()
        providers = [self._provider(source, f"DOC{number}", specialty)
                     for source in ("billing", "clinic")
                     for number, specialty in enumerate(SPECIALTIES)]  # fmt: skip
        # A provider who changed specialty: a claim belongs to the specialty of its day.
        providers.append(
            self._provider("billing", "DOC9", "orthopedist", "1900-01-01", "2024-06-01")
        )
        providers.append(self._provider("billing", "DOC9", "heart_surgeon", "2024-06-01"))
        patients = [
            self._patient(source, number, dice)
            for source in ("billing", "clinic")
            for number in range(30)
        ]
        profiles = {}
        for number in range(claims):
            provider_key, source, specialty = dice.choice(providers)
            patient = dice.choice([known for known in patients if known["source"] == source])
            if dice.random() < 0.03:
                patient = {"key": -1, "patient_id": None, "city": None, "state": None}
            visit_type = dice.choice(["physical", "routine", "illness", "surgery"])
            coverage, billed = dice.choice([100, 50, 0]), dice.random() < 0.5
            profile = (visit_type, coverage, billed)
            if profile not in profiles:
                profiles[profile] = self._one(
                    "insert into star.dim_claim_profile (visit_type, coverage_type, is_billed)"
                    " values (%s, %s, %s) returning claim_profile_key", *profile)  # fmt: skip
            cost = Decimal(dice.randrange(100, 900_000)) / 100
            claim = {
                "source": source, "claim_id": f"CLM{number:06}", "specialty": specialty,
                "service_date": date(2024, 1, 1) + timedelta(days=dice.randrange(400)),
                "patient_id": patient["patient_id"], "city": patient["city"],
                "state": patient["state"], "visit_type": visit_type, "coverage": coverage,
                "cost": cost, "covered": (cost * coverage / 100).quantize(Decimal("0.01")),
                "billed": billed,
            }  # fmt: skip
            self.claims.append(claim)
            self.connection.execute(
                "insert into star.fact_claim (source_system, claim_id, patient_key, provider_key,"
                " facility_key, payer_key, procedure_key, diagnosis_key, paid_date_key,"
                " claim_profile_key, service_date_key, claim_date_key, service_date,"
                " total_cost, covered_amount, version_count, batch_id, row_number)"
                " values (%s, %s, %s, %s, -1, -2, -2, -2, -2, %s, -1, -1, %s, %s, %s, 1, 1, %s)",
                (source, claim["claim_id"], patient["key"], provider_key, profiles[profile],
                 claim["service_date"], cost, claim["covered"], number))  # fmt: skip
        self.connection.execute("analyze star.fact_claim, star.dim_patient, star.dim_provider")

    def _batch(self):
        file_id = enter_file(self.connection, "billing", "claims")
        self.connection.execute(
            "insert into landing.batch (file_id, source_system, feed, received_date, state,"
            " code_version, loaded_at)"
            " values (%s, 'billing', 'claims', '2026-03-01', 'loaded', 'test', %s)",
            (file_id, LOADED),
        )

    def _provider(self, source, provider_id, specialty, start="1900-01-01", end="9999-12-31"):
        key = self._one(
            "insert into star.dim_provider (source_system, provider_id, last_name, specialty, valid_from,"
            " valid_to, is_current) values (%s, %s, 'Doe', %s, %s, %s, %s) returning provider_key",
            source, provider_id, specialty, start, end, end.startswith("9999"))  # fmt: skip
        return key, source, specialty

    def _patient(self, source, number, dice):
        city, state = dice.choice([("Albany", "NY"), ("=Reno", "NV"), ("Austin", "TX")])
        patient = {"source": source, "patient_id": f"PAT{number:04}", "city": city, "state": state}
        patient["key"] = self._one(
            "insert into star.dim_patient (source_system, patient_id, first_name, last_name, address,"
            " city, state, valid_from, valid_to, is_current)"
            " values (%s, %s, 'Zebulon', 'Quillfeather', '1 Secret Street', %s, %s, '1900-01-01',"
            " '9999-12-31', true) returning patient_key",
            source, patient["patient_id"], city, state)  # fmt: skip
        return patient

    def _one(self, text, *values):
        return self.connection.execute(text, values).fetchone()[0]
