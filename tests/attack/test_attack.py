"""Readers who try to learn of others. ``make attack`` tries everything; ``make test`` a part of it."""

from __future__ import annotations

import os
import random
import re
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from local import embedded
from tests.attack import oracle, statements
from tests.attack.oracle import Answers
from tests.attack.world import AttackedWorld, Reader
from tests.conftest import TEMPLATE
from tests.worlds.hospital_world import database

from claimhouse import schema

IS_WHOLE = os.environ.get("ATTACK") == "whole"
READERS = (
    "united", "cardiology desk", "dialysis desk", "hospice desk", "summit", "clinic office", "advocates",
    "extract of united", "extract of humana", "Tableau, bound", "Tableau, a desk", "Tableau, a stranger",
    "Tableau, unbound",
)  # fmt: skip
# A few bytes for each audience there is.
PLANNER_MEMORY = re.compile(r"Memory: used=.*")
# How much longer a query may take because others have rows, at the fastest fifth.
SLOWER = 1.5


@dataclass
class Attacked:
    """What each reader was told, at each stage: before, and after others' rows changed.

    Attributes:
        changed: after hospice care and others' rows changed, by reader.
        joined: after there was a new client.
    """

    world: AttackedWorld
    before: dict[str, Answers]
    hospice: dict[str, Answers]
    changed: dict[str, Answers]
    joined: dict[str, Answers]


@pytest.fixture(scope="module")
def quiet_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on which nothing else runs.

    Many changed tables, of any database of a server, make its sessions forget their plans and what they know of
    the catalogs. The next answer then shows reads of catalogs and plans that the same answer did not show before.
    """
    folder = tmp_path_factory.mktemp("quiet") / "pg"
    address = embedded.start(folder)
    try:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("alter system set fsync = off")
            connection.execute("alter system set autovacuum = off")
            connection.execute("select pg_reload_conf()")
            schema.upgrade(embedded.create_database(address, TEMPLATE))
        yield address
    finally:
        embedded.stop(folder)


@pytest.fixture(scope="module")
def attacked(quiet_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """The answers of all readers, before and after others' rows change."""
    with database(quiet_server) as (address, owner):
        world = AttackedWorld(owner, address, tmp_path_factory.mktemp("clients"))

        def ask(readers: list[Reader]) -> dict[str, Answers]:
            return {reader.name: oracle.ask(world, reader, IS_WHOLE) for reader in readers}

        world.publish()  # the second edition: the first writes other pages
        before = ask(world.readers)
        world.add_hospice(("UnitedHealthcare", "Humana", "Aetna", "Uninsured"), 40)
        world.publish()
        # Of counts of everybody, hospice care is no part; rows of others are.
        hospice = ask([reader for reader in world.readers if not reader.sees_hospice])
        world.remove_encounters("Uninsured")
        world.add_encounters(("Aetna",), 150)
        world.add_hospice(("Aetna",), 30)
        world.add_claims("family_physician", 60)
        world.publish()
        changed = ask(world.readers)
        world.add_client("aetna")
        world.publish()
        joined = ask([reader for reader in world.readers if reader.name in ALSO_ASKED_OF_CLIENTS])
        yield Attacked(world, before, hospice, changed, joined)


ALSO_ASKED_OF_CLIENTS = READERS if IS_WHOLE else ("united", "Tableau, bound", "Tableau, unbound")


def assert_same(before: Answers, after: Answers) -> None:
    """Fail with the first statements whose answers differ."""
    different = {
        text: answers for text, answers in oracle.differences(before, after).items()
        if text not in statements.HOW_MANY_ON_THE_SERVER
    }  # fmt: skip
    first = [f"{text}\n{one}\n-- then\n{other}" for text, (one, other) in different.items()][:3]
    assert not different, f"{len(different)} statements:\n" + "\n\n".join(first)


def reader(world: AttackedWorld, name: str) -> Reader:
    return next(known for known in world.readers if known.name == name)


def test_the_readers_are_those_of_the_world(attacked: Attacked) -> None:
    assert tuple(known.name for known in attacked.world.readers) == READERS
    assert all(len(told) > 80 for told in attacked.before.values())


@pytest.mark.parametrize("name", READERS)
def test_hospice_care_changes_nothing_that_a_reader_is_told(attacked: Attacked, name: str) -> None:
    """Rows, plans, estimates, notices, errors and catalogs, counts of everybody among them."""
    if reader(attacked.world, name).sees_hospice:
        assert name not in attacked.hospice
        return
    assert_same(attacked.before[name], attacked.hospice[name])


@pytest.mark.parametrize("name", READERS)
def test_rows_of_others_change_nothing_that_a_reader_is_told(attacked: Attacked, name: str) -> None:
    known = reader(attacked.world, name)
    before = attacked.before if known.sees_hospice else attacked.hospice
    views = (
        "hospital_activity",
        "members_helped",
        "missed_patients",
        "procedure_cost_index",
        "uninsured_",
    )

    def of_rows(told: Answers) -> Answers:
        return {
            text: answer for text, answer in told.items() if not any(view in text for view in views)
        }

    told = {
        stage: answers[name] for stage, answers in (("before", before), ("after", attacked.changed))
    }
    if known.sees_counts:
        told = {stage: of_rows(answers) for stage, answers in told.items()}
    if known.sees_hospice:  # its members' hospice care is its own
        told = {stage: {text: answer for text, answer in answers.items() if "reporting." not in text}
                for stage, answers in told.items()}  # fmt: skip
    assert_same(told["before"], told["after"])


@pytest.mark.parametrize("name", ALSO_ASKED_OF_CLIENTS)
def test_a_new_client_tells_how_many_there_are_and_nothing_else(
    attacked: Attacked, name: str
) -> None:
    world = attacked.world
    stages = [
        {text: PLANNER_MEMORY.sub("", answer) for text, answer in answers[name].items()}
        for answers in (attacked.changed, attacked.joined)
    ]
    assert oracle.differences(*stages).keys() <= set(statements.HOW_MANY)
    assert world.client("aetna") not in "\n".join(attacked.joined[name].values())


def test_queries_take_as_long_whether_others_have_rows_or_not(attacked: Attacked) -> None:
    """A gross difference, and each time: the machine is shared."""
    ratios: list[float] = []
    while len(ratios) < 4 and not any(1 / SLOWER < ratio < SLOWER for ratio in ratios):
        ratios.append(_ratio(attacked.world, 400 if IS_WHOLE else 80))
    print(f"\nqueries of others' rows take {ratios[-1]:.2f} times as long")
    assert 1 / SLOWER < ratios[-1] < SLOWER, ratios


def _ratio(world: AttackedWorld, runs: int) -> float:
    """How much longer a query of rows that others have takes than one of rows that nobody has."""
    query = "select count(*) from reporting.member_encounters where payer_name = '{}'"
    dice = random.Random(runs)
    taken: dict[str, list[float]] = {"Aetna": [], "Zzzzz": []}
    with world.session(reader(world, "united")) as session:
        for _ in range(runs):
            for payer in dice.sample(sorted(taken), 2):
                started = time.perf_counter()
                assert session.execute(query.format(payer).encode()).fetchone() == (0,)
                taken[payer].append(time.perf_counter() - started)
    others, nobody = (statistics.quantiles(taken[payer], n=5)[0] for payer in ("Aetna", "Zzzzz"))
    return others / nobody


def test_desks_together_learn_nothing_that_none_of_them_may_see(attacked: Attacked) -> None:
    """All reports of all desks without hospice: the encounters of their members, hospice left out."""
    world = attacked.world
    seen: set[Any] = set()
    for desk in ("cardiology desk", "dialysis desk", "extract of humana", "Tableau, a desk"):
        with world.session(reader(world, desk)) as session:
            for view in ("member_encounters", "own_specialty_encounters"):
                rows = session.execute(
                    f"select encounter_pseudonym, specialty, payer_name from reporting.{view}".encode()
                )
                seen |= set(rows.fetchall())
    own = world.hospital.seen(world.hospital.encounters, "Humana")
    humana = world.client("humana")
    pseudonyms = {
        world.claims.pseudonym(humana, "encounter", "hospital", encounter["encounter_id"])
        for encounter in own
    }
    assert {pseudonym for pseudonym, _, _ in seen} == pseudonyms
    assert {payer for _, _, payer in seen} == {"Humana"}
    assert "hospice" not in {specialty for _, specialty, _ in seen}


# What keeps others out of a reader's plans, taken away: the attack must notice each.
WALLS = {
    "the audience is known when a query is planned": "alter function security.bound_audience() stable",
    "a plan has the partitions of its audience alone":
        "create or replace function security.bound_audience() returns integer language sql immutable"
        " security definer set search_path = pg_catalog as 'select l.audience from security.login as l"
        " where l.login = security.bound_login()'",
    "no statistics of all audiences":
        "alter table only published.member_encounters alter column source_system set statistics -1,"
        " alter column payer_name set statistics -1, alter column specialty set statistics -1",
    "no view over the star":
        "create view reporting.live with (security_barrier) as select e.encounter_id, e.specialty"
        " from star.fact_encounter as e join star.dim_payer as p using (payer_key)"
        " where p.payer_name = 'UnitedHealthcare' and not e.is_restricted;"
        " grant select on reporting.live to {role}",
    "no statistics of others": "grant select on pg_catalog.pg_class to public",
}  # fmt: skip


@pytest.mark.parametrize("wall", WALLS if IS_WHOLE else list(WALLS)[1:2])
def test_the_attack_notices_a_wall_that_fell(
    server: str, tmp_path_factory: pytest.TempPathFactory, wall: str
) -> None:
    with database(server) as (address, owner):
        world = AttackedWorld(owner, address, tmp_path_factory.mktemp("clients"), encounters=60)
        united = reader(world, "united")
        (role,) = owner.execute(
            "select role_name from security.login where login = %s", (united.login,)
        ).fetchone() or ("",)
        owner.execute(WALLS[wall].format(role=role).encode())
        owner.execute("analyze")
        before = oracle.ask(world, united)
        world.add_encounters(("Aetna",), 100)
        world.add_hospice(("Aetna", "UnitedHealthcare"), 30)
        owner.execute(
            "insert into published.member_encounters select (jsonb_populate_record(m,"
            " jsonb_build_object('row_key', gen_random_uuid(), 'source_system', 'elsewhere'))).*"
            " from published.member_encounters as m where m.payer_name = 'Humana'"
        )
        owner.execute("analyze")
        after = oracle.ask(world, united)
        assert oracle.differences(before, after)


def test_a_session_without_pruning_reads_nothing(attacked: Attacked) -> None:
    """Plans would hold the partitions of everybody, and explain analyze would count their rows."""
    for name in ("united", "Tableau, bound", "Tableau, unbound"):
        with attacked.world.session(reader(attacked.world, name)) as session:
            told = [
                oracle._answer(session, text)
                for text in (
                    "set enable_partition_pruning = off",
                    "explain (analyze) select * from reporting.member_encounters",
                    "select count(*) from reporting.member_encounters",
                )
            ]
        assert [answer.split()[0] for answer in told] == ["SET", "55000", "55000"]
