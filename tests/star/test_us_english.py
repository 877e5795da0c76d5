"""Revisions 0002 and 0003: a warehouse of release 0.1.0 takes their names and keeps all the rest."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest
from local.samples import SEED, hospital
from tests.worlds.client_world import MASTER_KEY, client_file, roles_file
from tests.worlds.manifest import arrived

from claimhouse import ingest, metrics, reporting, schema, star, verification

BRITISH = ("orthopaedics", "behavioural health", "gynaecology", "immunisation")
AMERICAN = ("orthopedics", "behavioral health", "gynecology", "immunization")
# Every place that holds a specialty of ours, and what tells its rows apart.
SPECIALTIES = {
    "encounters": "select encounter_id, specialty from star.fact_encounter",
    "procedures": "select procedure_id, specialty from star.dim_procedure",
    "logins": "select login, specialty from security.login",
    "entitlements": "select login, kind, value from security.entitlement",
    "history": "select login, kind, valid_from, value from security.entitlement_history",
    "counted": "select year, quarter, specialty, patients from counts.hospital_activity_unsuppressed",
    "published": "select year, quarter, specialty, patients, as_of from counts.hospital_activity",
    "list": "select rank, phrase, specialty from reference.specialty",
    "extracts": "select extract_id, entitlements::text from delivery.extract",
    "metrics": "select fact, numerator, metric from metrics.catalog",
}
SUBSCRIPTION = """
    insert into delivery.subscription (
        subscription_id, client, report, format, schedule, time_zone, recipients, transport, reason, detail,
        when_empty, approve_first
    ) values ('s', 'acme', 'r', 'csv', '@daily', 'UTC', '{}', 'attachment', 'a test', true, 'send', false)
"""
EXTRACT = """
    insert into delivery.extract (
        subscription_id, period, report, format, privacy_level, reason, file_name, checksum, size_bytes,
        row_count, column_names, entitlements
    ) values ('s', now(), 'r', 'csv', 'limited', 'a test', 'f.csv', 'c', 1, 1, '{a}', %s)
"""
ENTITLEMENTS = [
    ["hospital", "orthopedics", "limited", "procedure_specialty"],
    ["hospital", "hospice", "limited", "restricted_specialty"],
    # the source system's own word for what a provider practices is not ours
    ["clinic", "immunization", "limited", "provider_specialty"],
]
HISTORIES = """
    select 'patient', to_jsonb(d) - 'patient_key' from star.dim_patient as d
    union all select 'provider', to_jsonb(d) - 'provider_key' from star.dim_provider as d
"""


# The names of count tables before revision 0003.
OLD_NAMES = {
    "counts.hospital_activity_unsuppressed": "summary.hospital_activity_counted",
    "counts.hospital_activity": "summary.hospital_activity",
}


def content(connection: psycopg.Connection[Any], *, old: bool = False) -> dict[str, Any]:
    """What the queries find; in a warehouse of release 0.1.0 under its names of tables."""
    queries = dict(SPECIALTIES)
    for new_name, old_name in OLD_NAMES.items() if old else ():
        queries = {name: query.replace(new_name, old_name) for name, query in queries.items()}
    return {
        name: sorted(map(str, connection.execute(query).fetchall()))
        for name, query in queries.items()
    }


@pytest.fixture
def hospital_warehouse(landing_root, warehouse, tmp_path, monkeypatch) -> psycopg.Connection[Any]:
    """The hospital's samples, published to a client entitled to orthopedics, with an extract that waits."""
    monkeypatch.setenv(
        "AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM",
        json.dumps({"conn_type": "generic", "password": MASTER_KEY}),
    )
    (landing_root / "hospital").mkdir()
    for second, (name, held) in enumerate(hospital.make(SEED).files.items()):
        path = landing_root / "hospital" / name
        path.write_bytes(held)
        # one after the other: release 0.1.0 kept the order in which they landed
        arrived(path, f"2026-03-01 00:00:{second:02}")
    ingest.run("hospital")
    clients = tmp_path / "clients"
    clients.mkdir()
    client_file(
        clients,
        "acme",
        ("hospital", {"procedure_specialties": ["orthopedics"]}),
        reports=[],
        logins=[{"name": "desk", "specialty": "behavioral health"}],
    )
    metrics.publish(warehouse)
    reporting.publish(warehouse, clients, roles_file(tmp_path / "roles.yaml"))
    warehouse.execute(SUBSCRIPTION)
    warehouse.execute(EXTRACT, (json.dumps(ENTITLEMENTS),))
    return warehouse


def test_specialties_and_metrics_take_their_us_names_and_back(hospital_warehouse, warehouse_url):
    new = content(hospital_warehouse)
    text = json.dumps(new)
    assert all(word in text for word in AMERICAN[:2])
    schema.upgrade(warehouse_url, to="0001")
    old = content(hospital_warehouse, old=True)
    kept = json.dumps(old).replace("immunization", "", 1)
    assert not any(word in kept for word in AMERICAN)
    assert any(word in json.dumps(old) for word in BRITISH)
    assert "provider_utilisation" in json.dumps(old)
    hospital_warehouse.execute("select provider_id from metrics.provider_utilisation")
    schema.upgrade(warehouse_url)
    assert content(hospital_warehouse) == new
    hospital_warehouse.execute("select provider_id from metrics.provider_utilization")
    hospital_warehouse.execute("select utilization from reporting.clinic_performance")
    hospital_warehouse.execute("set role reporting_owner")
    hospital_warehouse.execute("select specialty from counts.hospital_activity")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        hospital_warehouse.execute("select specialty from counts.hospital_activity_unsuppressed")


def test_the_same_files_after_the_upgrade_write_nothing(hospital_warehouse, warehouse_url):
    before = sorted(map(str, hospital_warehouse.execute(HISTORIES).fetchall()))
    schema.upgrade(warehouse_url, to="0001")
    schema.upgrade(warehouse_url)
    batches = [
        row[0]
        for row in hospital_warehouse.execute(
            "select batch_id from landing.batch where state = 'loaded'"
        )
    ]
    verification.ensure_tables("hospital")
    written = star.load_source("hospital", batches)
    assert batches and {table: rows for table, rows in written.items() if rows} == {}
    assert sorted(map(str, hospital_warehouse.execute(HISTORIES).fetchall())) == before
