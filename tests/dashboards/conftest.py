"""A star of made-up rows, published to roles of the house, whose dashboards the tests of this folder read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
import yaml
from tests.worlds import made_star
from tests.worlds.client_world import MASTER_KEY, role_of, roles_file
from tests.worlds.hospital_world import database

from claimhouse import reporting, settings
from claimhouse.dashboards.model import Dashboard
from claimhouse.dashboards.read import Reading
from claimhouse.dashboards.selection import Selection
from claimhouse.reporting import readers
from claimhouse.reporting.readers import Reader

ROLES = {"clinic_operations": "clinic", "revenue_cycle": "billing", "pended_team": "pended"}


# What the tests read besides metrics.
REPORTS = ("claims_to_handle", "claims_by_key_fields", "claims_one_by_one", "pended_by_category")


@dataclass(frozen=True)
class House:
    """A star of made-up rows, published to the roles of the house under names of this module's own."""

    admin: psycopg.Connection[Any]
    people: dict[str, Reader]

    def reading(self, role: str, dashboard: Dashboard, chosen: Selection) -> Iterator[Reading]:
        """The dashboard as *role*, in a transaction of its own."""
        reader = self.people[role]
        with self.admin.transaction(force_rollback=True):
            self.admin.execute(f"set local role {role_of(self.admin, reader.role)}".encode())
            yield Reading(self.admin, reader, None, dashboard, chosen)


@pytest.fixture(scope="module")
def house(server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dashboards")
    with database(server) as (address, admin), pytest.MonkeyPatch.context() as patch:
        patch.setattr(made_star, "SOURCES", tuple(ROLES.values()))
        made_star.fill(admin, seed=5, facts=250)
        # What is restricted has tests of its own.
        for table in ("dim_procedure", "fact_encounter"):
            admin.execute(f"update star.{table} set is_restricted = false".encode())
        patch.setenv(
            "AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM",
            json.dumps({"conn_type": "generic", "password": MASTER_KEY}),
        )
        tag = address.rpartition("_")[2][:6]
        (folder / "clients").mkdir()
        listed = yaml.safe_load((settings.INCLUDE / "roles.yaml").read_text("utf-8"))["roles"]
        of_house = [entry for entry in listed if entry["name"] in ROLES]
        roles_file(
            folder / "roles.yaml",
            *(
                entry
                | {
                    "name": f"{entry['name'][:12]}_{tag}",
                    "logins": [],
                    # The rows of a made-up star are not those that other reports count on.
                    "reports": [name for name in entry["reports"] if name in REPORTS],
                    "entitlements": [
                        given
                        for given in entry["entitlements"]
                        if given["source_system"] == ROLES[entry["name"]]
                    ],
                }
                for entry in of_house
            ),
        )
        reporting.publish(admin, folder / "clients", folder / "roles.yaml")
        found = {
            reader.name: reader
            for reader in readers.load_all(folder / "clients", folder / "roles.yaml")
        }
        yield House(
            admin,
            {entry["name"]: found[f"{entry['name'][:12]}_{tag}"] for entry in of_house},
        )
