"""The line of one source, from files to the star: on the real feeds, and killed at any point."""

from __future__ import annotations

import csv
import signal
import textwrap
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.worlds import forks
from tests.worlds.feeds import batches, claim, claims_csv, csv_line, drop, issues

from claimhouse import checks, ingest, review

FEEDS = ("claims", "patients", "providers")


def _lines(file: Path) -> list[list[str]]:
    with file.open(newline="") as came:
        return list(csv.reader(came))[1:]


def _money(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        return Decimal(0)


@pytest.fixture
def real(
    shared_data: Path, landing_root: Path, warehouse: Any, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """The real billing feeds, loaded whole."""
    monkeypatch.setenv("CLAIMHOUSE_LANDING_ROOT", f"file://{shared_data}")
    ingest.run("billing")
    return warehouse


def test_every_row_and_every_cent_of_the_real_feeds_is_accounted_for(real, shared_data):
    rows = {
        file.name: len(_lines(file))
        for feed in FEEDS
        for file in (shared_data / "billing").glob(f"{feed}*.csv")
    }
    assert {name: read for name, _, read, *_ in batches(real)} == rows
    assert all(read == good + bad + dropped for _, _, read, good, bad, dropped in batches(real))
    money = sum(
        _money(row[4])
        for name in ("claims_priming.csv", "claims_update.csv")
        for row in _lines(shared_data / "billing" / name)
        if len(row) == 10
    )
    read = real.execute(
        "select sum((amounts -> 'total_cost' ->> 'read')::numeric),"
        " sum((amounts -> 'total_cost' ->> 'accepted')::numeric)"
        " from landing.batch where feed = 'claims'"
    ).fetchone()
    loaded = real.execute("select sum(total_cost) from source_billing.claims").fetchone()[0]
    assert read == (money, loaded)


def test_the_real_updates_resolve_what_the_priming_files_left(real):
    found = real.execute(
        "select record_key, array_agg(distinct status) from quality.issue"
        " where severity = 'error' and rule not like 'soda:%' group by 1"
    ).fetchall()
    assert dict(found) == {
        "CF#1045078NN": ["resolved"],
        "85000U": ["resolved"],
        "CF#1012078NN": ["open"],
        "CF#1054078NN": ["open"],
        "CF#1083078NN": ["open"],
        "CF#1537078NN": ["open"],
        "CF#1598078NN": ["open"],
        "77000U": ["open"],
        "N3T7700A": ["open"],
    }


def test_an_update_verified_before_its_priming_file_resolves_its_issues_all_the_same(
    landing_root, warehouse
):
    drop(landing_root, "claims_1.csv", claims_csv(claim(1, total_cost="xyz")))
    drop(landing_root, "claims_2.csv", claims_csv(claim(1)))
    for batch in reversed(ingest.land("billing")):
        ingest.verify(batch)
    ingest.check("billing")
    assert warehouse.execute(
        "select status, closed_by_batch_id from quality.issue where rule = 'number'"
    ).fetchall() == [("resolved", 2)]


def test_the_real_claims_arrive_in_the_star_in_their_latest_state(real, shared_data):
    latest: dict[str, Decimal] = {}
    for name in ("claims_priming.csv", "claims_update.csv"):
        for row in _lines(shared_data / "billing" / name):
            good = len(row) == 10 and row[0].startswith("CF#") and row[8] in "TF"
            if good and row[3] != "phone_number" and row[6] != "dogcat":
                latest[row[0]] = Decimal(row[4])
    found = dict(real.execute("select claim_id, total_cost from star.fact_claim").fetchall())
    assert found == latest
    deltas = real.execute(
        "select claim_id, sum(total_cost_delta) from star.fact_claim_version group by claim_id"
    ).fetchall()
    assert dict(deltas) == latest


def test_real_values_are_repaired_only_where_that_is_certain(real):
    places = dict(
        real.execute(
            "select patient_id, (state, zipcode, birth_date, residence_date)::text from star.dim_patient"
            " where is_current and patient_id in ('5000U', '27000U', '55000U', '22000U')"
        ).fetchall()
    )
    assert places["5000U"].startswith('("New Jersey",07039,')
    assert places["27000U"].startswith("(Connecticut,")
    assert places["55000U"] == "(Maine,04032,,2017-01-22)"
    assert places["22000U"] == "(Montana,59044,1979-11-17,)"


def test_loading_the_real_feeds_again_changes_nothing(real):
    def state() -> list[Any]:
        return [
            real.execute(f"select count(*), max(xmin::text::bigint) from {table}").fetchone()
            for table in (
                "landing.batch", "quality.issue", "star.dim_patient", "star.dim_provider",
                "star.fact_claim", "star.fact_claim_change",
            )
        ]  # fmt: skip

    before = state()
    ingest.run("billing")
    assert state() == before


def test_copies_of_a_record_are_dropped_or_set_aside(landing_root, warehouse):
    same, older, newer = (
        claim(1),
        claim(2, last_modified_date="1/1/2020"),
        claim(2, total_cost="99"),
    )
    drop(landing_root, "claims.csv", claims_csv(same, older, newer, same, older))
    for batch in ingest.land("billing"):
        ingest.verify(batch)
    assert batches(warehouse)[0][2:] == (5, 2, 1, 2)
    assert [(row, rule) for row, _, rule, *_ in issues(warehouse)] == [
        (2, "identical_copy"),
        (3, "identical_copy"),
        (6, "conflicting_copy"),
    ]
    kept = warehouse.execute("select raw_row from quality.quarantine").fetchall()
    assert kept == [(csv_line(older),)]
    costs = warehouse.execute(
        "select total_cost from source_billing.claims order by claim_id"
    ).fetchall()
    assert costs == [(Decimal("10.50"),), (Decimal("99.00"),)]
    sums = warehouse.execute("select amounts -> 'total_cost' from landing.batch").fetchone()[0]
    assert sums == {
        "read": "141.00", "accepted": "109.50", "quarantined": "10.50", "dropped": "21.00", "unreadable": 0,
    }  # fmt: skip


KILL = """
import importlib, os, signal
module = importlib.import_module("claimhouse.{module}")
*path, name = "{name}".split(".")
holder = getattr(module, path[0]) if path else module
real = getattr(holder, name)
calls = [0]
def dying(*given, **named):
    calls[0] += 1
    if calls[0] == {call}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*given, **named)
setattr(holder, name, dying)
from claimhouse import checks, ingest, review
ingest.run("billing")
"""


@pytest.mark.parametrize(
    ("module", "name", "call"),
    [
        ("landing.deliveries", "enter", 1),
        ("landing.land", "_sight", 2),
        ("verification.source_tables", "copy_frame", 3),
        ("verification.source_tables", "close", 2),
        ("checks.outcomes", "record", 1),
        ("star.steps", "Load.run", 2),
        ("star.dimensions", "_load_described", 2),
        ("star.dimensions", "_load_named", 2),
        ("star.kept", "keep_again", 1),
        ("star.facts", "rekey_part", 2),
        ("star.facts", "load_part", 1),
        ("star.facts", "load_part", 2),
        ("star.facts", "_complete", 1),
        ("star", "finish", 1),
    ],
)
def test_a_kill_anywhere_is_healed_by_running_again(
    module, name, call, landing_root, warehouse, warehouse_url
):
    drop(
        landing_root,
        "claims_1.csv",
        claims_csv(*(claim(n) for n in range(50)), claim(51, billed="V")),
    )
    drop(
        landing_root,
        "claims_2.csv",
        claims_csv(*(claim(n, total_cost="7", last_modified_date="2/9/2021") for n in range(20))),
    )
    script = textwrap.dedent(KILL).format(module=module, name=name, call=call)
    code, printed = forks.run(script, {"WAREHOUSE_URL": warehouse_url})
    assert code == -signal.SIGKILL, printed[-2000:]
    ingest.run("billing")
    assert [row[1:] for row in batches(warehouse)] == [
        ("loaded", 51, 50, 1, 0),
        ("loaded", 20, 20, 0, 0),
    ]
    assert len([one for one in issues(warehouse) if not one[2].startswith("soda:")]) == 1
    assert warehouse.execute("select count(*) from quality.quarantine").fetchone() == (1,)
    total = warehouse.execute("select count(*), sum(total_cost) from star.fact_claim").fetchone()
    assert total == (50, 20 * Decimal(7) + 30 * Decimal("10.50"))
    versions = warehouse.execute(
        "select count(*), sum(total_cost_delta) from star.fact_claim_version"
    ).fetchone()
    assert versions == (70, total[1])


def test_who_reads_keeps_no_load_waiting(landing_root, warehouse, warehouse_url, monkeypatch):
    drop(landing_root, "claims_1.csv", claims_csv(claim(1)))
    ingest.run("billing")
    drop(landing_root, "claims_2.csv", claims_csv(claim(1, total_cost="7"), claim(2)))
    with psycopg.connect(warehouse_url) as reader:
        relations = reader.execute(
            "select quote_ident(n.nspname) || '.' || quote_ident(c.relname) from pg_class as c"
            " inner join pg_namespace as n on c.relnamespace = n.oid where c.relkind in ('r', 'v')"
            " and n.nspname in ('source_billing', 'landing', 'quality', 'reference', 'star')"
        ).fetchall()
        for (relation,) in relations:
            reader.execute(f"select from {relation} limit 1".encode())
        monkeypatch.setenv("PGOPTIONS", "-c lock_timeout=2s")
        ingest.run("billing")
    assert ("source_billing.claims",) in relations and (
        "source_billing.star_fact_claim",
    ) in relations
    assert warehouse.execute("select sum(total_cost) from star.fact_claim").fetchone() == (
        Decimal("17.50"),
    )


def test_a_column_or_view_that_is_missing_or_others_is_made_again(landing_root, warehouse):
    drop(landing_root, "claims_1.csv", claims_csv(claim(1)))
    ingest.run("billing")
    warehouse.execute("drop view source_billing.claims_current cascade")
    warehouse.execute("alter table source_billing.claims drop column billed cascade")
    warehouse.execute("drop index source_billing.claims_batch")
    warehouse.execute("comment on column source_billing.claims.claim_date is 'another'")
    drop(landing_root, "claims_2.csv", claims_csv(claim(2)))
    ingest.run("billing")
    assert warehouse.execute(
        "select claim_id, billed from source_billing.claims_current order by claim_id"
    ).fetchall() == [(claim(1)["claim_id"], None), (claim(2)["claim_id"], False)]
    described = (
        "select col_description('source_billing.claims'::regclass, attnum) from pg_attribute"
    )
    named = " where attrelid = 'source_billing.claims'::regclass and attname = 'claim_date'"
    assert warehouse.execute((described + named).encode()).fetchone() == (
        "The day the claim was made",
    )
    assert warehouse.execute("select to_regclass('source_billing.claims_batch')").fetchone()[0]


def test_a_held_batch_leaves_the_star_as_it_was_until_it_is_released(landing_root, warehouse):
    drop(landing_root, "claims_1.csv", claims_csv(*(claim(n) for n in range(10))))
    ingest.run("billing")
    bad = [claim(n, visit_type="none") for n in range(20, 40)]
    drop(landing_root, "claims_2.csv", claims_csv(*bad, claim(40)))
    with pytest.raises(checks.ChecksFailed) as error:
        ingest.run("billing")
    assert "billing" in str(error.value)
    states = [state for _, state, *_ in batches(warehouse)]
    assert states == ["loaded", "held"]
    assert warehouse.execute("select count(*) from star.fact_claim").fetchone() == (10,)
    held = warehouse.execute("select batch_id from quality.held_batches").fetchone()[0]
    ingest.run("billing")  # a new run goes on without it
    review.release(held, "a reviewer", "the sender confirmed it")
    ingest.run("billing")
    assert [state for _, state, *_ in batches(warehouse)] == ["loaded", "loaded"]
    assert warehouse.execute("select count(*) from star.fact_claim").fetchone() == (11,)


def test_a_batch_released_while_a_load_runs_waits_for_the_next(landing_root, warehouse):
    drop(landing_root, "claims_1.csv", claims_csv(claim(1)))
    drop(landing_root, "claims_2.csv", claims_csv(claim(2)))
    for batch in ingest.land("billing"):
        ingest.verify(batch)
    ingest.check("billing")
    warehouse.execute("update landing.batch set state = 'held' where batch_id = 2")
    ingest.load_dimensions("billing")
    warehouse.execute("update landing.batch set state = 'checked' where batch_id = 2")  # a release
    ingest.load_fact("billing", "fact_claim")
    assert ingest.finish("billing") == [1]
    assert [state for _, state, *_ in batches(warehouse)] == ["loaded", "checked"]
    ingest.run("billing")
    assert warehouse.execute("select count(*) from star.fact_claim").fetchone() == (2,)


def test_a_small_load_fills_its_facts_in_one_task_and_a_fact_that_fails_stops_no_other(
    landing_root, warehouse, monkeypatch
):
    drop(landing_root, "claims.csv", claims_csv(claim(1), claim(2)))
    for batch in ingest.land("billing"):
        ingest.verify(batch)
    ingest.check("billing")
    with monkeypatch.context() as patch:
        patch.setattr(ingest, "SMALL_LOAD", 2)
        assert ingest.load("billing") == ingest.star.fact_tables("billing")
    assert warehouse.execute("select count(*) from star.fact_claim").fetchone() == (0,)
    with pytest.raises(ExceptionGroup, match="1 of 2 facts"):
        ingest.load_facts("billing", ["fact_unknown", "fact_claim"])
    assert warehouse.execute("select count(*) from star.fact_claim").fetchone() == (2,)
    assert ingest.end("billing") == [1]
    drop(landing_root, "claims_3.csv", claims_csv(claim(3)))
    ingest.verify_group(*ingest.begin("billing"))
    ingest.check("billing")
    assert ingest.load("billing") == []
    assert warehouse.execute("select count(*) from star.fact_claim").fetchone() == (3,)


REFUSE = """
create function refuse() returns trigger language plpgsql as $$
begin
    if new.batch_id = 1 then raise exception 'refused'; end if;
    return new;
end $$;
create trigger refuse before insert on source_billing.claims for each row execute function refuse();
"""


def test_a_batch_that_cannot_be_verified_is_named_and_a_retry_does_only_what_is_left(
    landing_root, warehouse
):
    drop(landing_root, "claims_1.csv", claims_csv(claim(1)))
    drop(landing_root, "claims_2.csv", claims_csv(claim(2)))
    (group,) = ingest.begin("billing")
    warehouse.execute(REFUSE)
    with pytest.raises(ExceptionGroup, match=r"^1 of 2 batches could not be verified: 1$"):
        ingest.verify_group(group)
    assert [row[1] for row in batches(warehouse)] == ["landed", "verified"]
    verified = "select verified_at from landing.batch where batch_id = 2"
    before = warehouse.execute(verified).fetchone()
    warehouse.execute("drop function refuse() cascade")
    assert ingest.verify_group(group) == ["verified", "verified"]
    assert warehouse.execute(verified).fetchone() == before


def test_a_run_with_nothing_new_has_nothing_to_do_unless_an_earlier_one_left_something(
    landing_root, warehouse
):
    drop(landing_root, "claims.csv", claims_csv(*(claim(n) for n in range(5))))
    steps = {
        "verified": lambda: ingest.verify(1),
        "checked": lambda: ingest.check("billing"),
        "loading": lambda: ingest.load("billing"),
    }
    assert ingest.begin("billing") == [[1]]
    for died_after, step in steps.items():
        step()
        assert ingest.begin("billing") == [[1]], died_after
        assert ingest.verify_group([1]) == [batches(warehouse)[0][1]], died_after
    assert ingest.end("billing") == [1]
    assert ingest.begin("billing") == []
    # A held batch waits for a person, a released one for the next run.
    warehouse.execute("update landing.batch set state = 'held'")
    assert ingest.begin("billing") == []
    review.release(1, "a reviewer", "the sender confirmed it")
    assert ingest.begin("billing") == [[1]]
    # The star still has rows of a batch that lost them.
    warehouse.execute("update landing.batch set state = 'rejected', has_lost_rows = true")
    assert ingest.begin("billing") == [[1]]


def test_a_publication_waits_for_loads_but_not_for_what_a_run_left_behind(landing_root, warehouse):
    assert ingest.await_loads(0)
    drop(landing_root, "claims.csv", claims_csv(claim(1)))
    for stage in (ingest.begin, lambda _: ingest.verify(1), ingest.check, ingest.load):
        stage("billing")
        assert not ingest.await_loads(0)
    warehouse.execute(
        "update landing.batch set (created_at, verified_at, checked_at, loading_since) ="
        " (select created_at - a, verified_at - a, checked_at - a, loading_since - a"
        " from (select interval '6 minutes' as a) as earlier)"
    )
    assert ingest.await_loads(0)
    warehouse.execute("update landing.batch set loading_since = now()")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ingest.await_loads)
        assert not waiting.done()
        ingest.end("billing")
        assert waiting.result(timeout=20)


def test_an_audit_waits_for_a_load_and_finds_what_was_changed_by_hand(landing_root, warehouse):
    drop(landing_root, "claims.csv", claims_csv(*(claim(n) for n in range(5))))
    assert ingest.audit("billing") is False
    for batch in ingest.land("billing"):
        ingest.verify(batch)
    ingest.check("billing")
    ingest.load_dimensions("billing")
    assert ingest.audit("billing") is False
    ingest.run("billing")
    assert ingest.audit("billing") is True
    warehouse.execute("update star.fact_claim set total_cost = 1 where claim_id = 'CF#3NN'")
    with pytest.raises(checks.ChecksFailed):
        ingest.audit("billing")


def _open(warehouse: psycopg.Connection[Any]) -> Counter[str]:
    found = warehouse.execute(
        "select rule from quality.issue where status = 'open' and rule not like 'soda:%'"
    )
    return Counter(rule for (rule,) in found.fetchall())


def test_feeds_of_one_run_do_not_stop_each_other(landing_root, warehouse):
    drop(landing_root, "claims.csv", claims_csv(claim(1)))
    drop(landing_root, "patients.csv", b"")
    drop(landing_root, "providers.csv", b"\x89PNG\r\n\x1a\n" + bytes(100))
    ingest.run("billing")
    states = defaultdict(list)
    for name, state, *_ in batches(warehouse):
        states[state].append(name)
    assert states == {"loaded": ["claims.csv"], "rejected": ["patients.csv", "providers.csv"]}
    assert _open(warehouse) == {"empty_file": 1, "wrong_format": 1}
    assert warehouse.execute("select count(*) from star.fact_claim").fetchone() == (1,)


@pytest.mark.parametrize(("changed", "sees_all"), [(7, False), (9, True)])
def test_a_load_of_more_than_a_sixth_is_checked_against_all_of_the_star(
    changed, sees_all, landing_root, warehouse
):
    drop(landing_root, "claims_1.csv", claims_csv(*(claim(n) for n in range(48))))
    ingest.run("billing")
    warehouse.execute(
        "update star.fact_claim set total_cost = 1 where claim_id = %s", (claim(47)["claim_id"],)
    )
    newer = [claim(n, total_cost="7", last_modified_date="2/9/2021") for n in range(changed)]
    drop(landing_root, "claims_2.csv", claims_csv(*newer))
    with pytest.raises(checks.ChecksFailed) if sees_all else nullcontext():
        ingest.run("billing")
