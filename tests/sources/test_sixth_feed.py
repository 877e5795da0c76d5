"""A new feed reaches the star with one contract, one mapping and one file of checks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg

from claimhouse import settings

CONTRACT = """
apiVersion: v3.2.0
kind: DataContract
id: urn:claimhouse:mobile_unit:visits
name: Visits of the mobile unit
version: 1.0.0
status: active
domain: mobile_unit
description: {purpose: What a bus with a nurse on it did}
customProperties:
  - {property: filePattern, value: "visits*"}
  - {property: dialect, value: {format: csv, delimiter: ";"}}
schema:
  - name: visits
    logicalType: object
    properties:
      - name: visit
        logicalType: string
        physicalType: text
        primaryKey: true
        required: true
        classification: identifier
      - {name: person, logicalType: string, physicalType: text, required: true, classification: identifier}
      - {name: nurse, logicalType: string, physicalType: text, classification: public}
      - name: day
        logicalType: date
        physicalType: date
        required: true
        classification: date
        customProperties: [{property: dateFormats, value: [YYYY-MM-DD]}]
      - name: price
        logicalType: number
        physicalType: numeric(12,2)
        required: true
        classification: financial
        tags: [amount]
"""
MAPPING = """
select
    'mobile_unit' as source_system,
    visit as encounter_id,
    person as patient_id,
    nurse as provider_id,
    'mobile' as modality,
    day as service_date,
    price as total_claim_cost,
    batch_id,
    row_number
from source_mobile_unit.visits
"""
CHECKS = """
filter visits [batch]:
  where: batch_id = ${batch_id}
checks for visits [batch]:
  - max(price) < 1000:
      name: price_is_sane
      attributes:
        message: "A visit costs {value} dollars"
"""
FILE = """visit;person;nurse;day;price
1;ann;kim;2024-05-01;10.50
2;bob;kim;2024-05-02;20.00
3;ann;;2024-05-03;oops
4;bob;lee;2024-05-04;1.25
"""
RUN = "from claimhouse import ingest; ingest.run('mobile_unit')"
DAGS = "import ingest; print(ingest.ingest_mobile_unit.dag_id)"


def test_one_contract_one_mapping_and_one_checks_file_are_enough(
    tmp_path: Path, landing_root: Path, warehouse_url: str, warehouse: psycopg.Connection[Any]
) -> None:
    house = tmp_path / "house"
    shutil.copytree(settings.INCLUDE, house / "include")
    for name, text in (
        ("schemas/mobile_unit/visits.yaml", CONTRACT),
        ("sql/mapping/mobile_unit/fact_encounter.sql", MAPPING),
        ("soda/mobile_unit/visits.yml", CHECKS),
    ):
        (house / "include" / name).parent.mkdir(exist_ok=True)
        (house / "include" / name).write_text(text)
    (landing_root / "mobile_unit").mkdir()
    (landing_root / "mobile_unit" / "visits_1.csv").write_text(FILE)

    _python(RUN, house)

    facts = warehouse.execute(
        "select f.encounter_id, p.patient_id, n.provider_id, e.modality, f.service_date_key,"
        " f.total_claim_cost::text, f.payer_key"
        " from star.fact_encounter as f join star.dim_patient as p using (patient_key)"
        " join star.dim_provider as n using (provider_key)"
        " join star.dim_encounter_profile as e using (encounter_profile_key) order by 1"
    ).fetchall()
    assert facts == [
        ("1", "ann", "kim", "mobile", 20240501, "10.50", -2),
        ("2", "bob", "kim", "mobile", 20240502, "20.00", -2),
        ("4", "bob", "lee", "mobile", 20240504, "1.25", -2),
    ]
    checked = warehouse.execute(
        "select outcome from quality.check_result where check_name = 'price_is_sane'"
    ).fetchall()
    assert checked == [("pass",)]
    wrong = warehouse.execute(
        "select row_number, column_name, raw_value from quality.issue where row_number is not null"
    ).fetchall()
    assert wrong == [(4, "price", "oops")]
    assert _python(DAGS, house).split()[-1] == "ingest_mobile_unit"


def _python(program: str, house: Path) -> str:
    """Run *program* in a process of its own, with the include folder of *house*."""
    path = os.pathsep.join([str(settings.PROJECT / "plugins"), str(settings.PROJECT / "dags")])
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "CLAIMHOUSE_HOME": str(house), "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
