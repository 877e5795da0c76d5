"""What is defined once: privacy levels, kinds of entitlements, classifications, count tables."""

from __future__ import annotations

import re

import pytest
import yaml

from claimhouse import contracts, privacy, settings, strict_yaml
from claimhouse.delivery.extract import model
from claimhouse.reporting import readers, small_cells

CONSTRAINT = (
    "select pg_get_constraintdef(oid) from pg_constraint"
    " where conrelid = 'security.{table}'::regclass and pg_get_constraintdef(oid) ~ '{column} = ANY'"
)


def allowed(warehouse, table, column):
    """The values that the check constraint of a column allows."""
    (definition,) = warehouse.execute(CONSTRAINT.format(table=table, column=column)).fetchone()
    return set(re.findall(r"'(\w+)'::text", definition))


def schema_of(name):
    return yaml.safe_load((settings.INCLUDE / name).read_text())


def test_levels_are_the_same_everywhere(warehouse):
    assert (
        tuple(schema_of("client_schema.yaml")["$defs"]["privacy_level"]["enum"]) == privacy.LEVELS
    )
    assert allowed(warehouse, "client", "privacy_level") == set(privacy.LEVELS)
    assert set(model.NOTICES) == set(privacy.LEVELS)


def test_kinds_of_entitlements_are_the_same_everywhere(warehouse):
    kinds = readers.ENTITLEMENT_KINDS
    role = schema_of("role_schema.yaml")["properties"]["roles"]["items"]
    in_roles = role["properties"]["entitlements"]["items"]["properties"].keys() - {
        "source_system", "responsible",
    }  # fmt: skip
    in_clients = schema_of("client_schema.yaml")["properties"]["entitlements"]["items"][
        "properties"
    ]
    assert in_roles == kinds.keys()
    assert in_clients.keys() - {"source_system"} < kinds.keys()
    assert allowed(warehouse, "entitlement", "kind") == set(kinds.values())


def test_a_classification_without_a_level_of_its_own_identifies_people():
    assert set(privacy.LOWEST_LEVEL) < set(contracts.CLASSIFICATIONS)
    assert set(privacy.LOWEST_LEVEL.values()) < set(privacy.LEVELS)
    assert privacy.lowest_level("name") == "identified"


def test_every_select_of_counts_has_a_description():
    folder = settings.INCLUDE / "sql" / "reporting"
    described = {table.name for table in small_cells.load_all()}
    assert described == {file.parent.name for file in folder.glob("*/counts.sql")}


def test_a_bad_description_of_a_count_table_is_named_with_its_line(tmp_path):
    file = tmp_path / "counts.yaml"
    file.write_text("year: year\ndimensions: [[state]]\ncount: patients\nmeasure: [cost]\n")
    with pytest.raises(strict_yaml.YamlError, match=r"counts\.yaml:4: measure: unknown key"):
        small_cells.load(file)
