"""The indexes of published reports, whose names everybody may read, tell nobody of the rows of others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.worlds.client_world import client_file, role_of
from tests.worlds.hospital_world import Hospital, database

from claimhouse import reporting

# What a reader may read of them in the catalogs.
INDEXES = """
    select c.oid, c.relname, i.oid, i.relname, x.*, pg_get_indexdef(i.oid)
    from pg_index as x
    inner join pg_class as i on x.indexrelid = i.oid
    inner join pg_class as c on x.indrelid = c.oid
    where c.relnamespace = 'published'::regnamespace
    order by 2, 4
"""
# One of the encounters of a payer again and again, with other amounts, days and patients.
MORE = """
    insert into star.fact_encounter
    select r.*
    from star.fact_encounter as f
    cross join generate_series(1, %(rows)s) as n
    cross join lateral jsonb_populate_record(f, jsonb_build_object(
        'encounter_id', 'more-' || n, 'total_claim_cost', n, 'service_date', date '2020-01-01' + n %% 900,
        'is_restricted', false
    )) as r
    where f.encounter_id = (select min(e.encounter_id) from star.fact_encounter as e where e.payer_key = %(payer)s)
"""
# More than a report had that got indexes by its size once.
MANY = 21_000


class House:
    """A hospital with two clients."""

    def __init__(self, owner: psycopg.Connection[Any], address: str, folder: Path) -> None:
        self.owner, self.address, self.folder = owner, address, folder
        self.hospital = Hospital(owner, address, encounters=24)
        for name, payer in (("united_x", "UnitedHealthcare"), ("humana_x", "Humana")):
            client_file(
                folder, name, ("hospital", {"payers": [payer]}), reports=["member_encounters"]
            )  # fmt: skip
        self.publish()

    def publish(self) -> None:
        """Publish, with fresh statistics."""
        reporting.publish(self.owner, self.folder, self.folder / "none.yml")
        self.owner.execute("analyze published.member_encounters")

    @contextmanager
    def session(self, login: str) -> Iterator[psycopg.Connection[Any]]:
        """A session of *login*."""
        role = role_of(self.owner, login)
        with psycopg.connect(self.address.replace("postgres:@", f"{role}@", 1)) as session:
            yield session


@pytest.fixture(scope="module")
def house(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("clients")
    (folder / "none.yml").write_text("roles: []\n")
    with database(server) as (address, owner):
        yield House(owner, address, folder)


def test_no_index_comes_or_goes_with_the_rows_of_others(house: House) -> None:
    def seen() -> list[tuple[Any, ...]]:
        with house.session("client_united_x__analyst") as session:
            return session.execute(INDEXES).fetchall()

    before = seen()
    assert len({row[3] for row in before if "member_encounters" in row[1]}) > 10
    house.owner.execute(MORE, {"rows": MANY, "payer": house.hospital.payers["Humana"]})
    for _ in range(2):
        house.publish()
        assert seen() == before
    house.owner.execute(
        "delete from star.fact_encounter where payer_key = %s", (house.hospital.payers["Humana"],)
    )
    house.publish()
    with house.session("client_humana_x__analyst") as session:
        assert session.execute("select count(*) from reporting.member_encounters").fetchone() == (
            0,
        )
    assert seen() == before
