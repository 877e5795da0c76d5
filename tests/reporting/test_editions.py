"""Editions: whole, with what changed and nothing else, to be read again, and adding up to the star."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from dataclasses import replace

import psycopg
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from tests.worlds.client_world import client_file, roles_file
from tests.worlds.hospital_world import Hospital, database
from tests.worlds.properties import examples

from claimhouse import metrics, reporting, settings, warehouse
from claimhouse.reporting import metric_reports, tables, totals


def some(table, column, count, where="true"):
    """A few values of a column: others for each value of the parameter dice."""
    return (
        f"(select s.{column} from star.{table} as s where {where}"
        f" order by md5(s.{column} || %(dice)s) limit {count})"
    )


COPIED = """
    patient_key, provider_key, facility_key, payer_key, procedure_key, diagnosis_key, claim_profile_key,
    service_date_key, claim_date_key, paid_date_key, service_date, total_cost, covered_amount, allowed_amount,
    paid_amount, version_count, batch_id, row_number, version_date
"""
CLAIMS, ENCOUNTERS = some("fact_claim", "claim_id", 5), some("fact_encounter", "encounter_id", 3)
PROVIDER = some("dim_provider", "provider_key", 1, "s.provider_key > 0")
# What may happen to the star between two publications.
CHANGES = {
    "cost": "update star.fact_encounter set total_claim_cost = total_claim_cost + 1"
    f" where encounter_id in {ENCOUNTERS}",
    "claim": "update star.fact_claim set paid_amount = case when paid_amount is null then 7 end,"
    f" total_cost = nullif(total_cost, 10) where claim_id in {CLAIMS}",
    "claim gone": f"delete from star.fact_claim where claim_id in {CLAIMS}",
    "provider": f"update star.fact_claim set provider_key = {PROVIDER} where claim_id in {CLAIMS}",
    "claim new": f"insert into star.fact_claim (source_system, claim_id, {COPIED})"
    f" select 'hospital', claim_id || %(dice)s, {COPIED} from star.fact_claim where claim_id in {CLAIMS}"
    " on conflict do nothing",
    "encounter gone": f"delete from star.fact_encounter where encounter_id in {ENCOUNTERS}",
    "procedure gone": f"delete from star.fact_procedure where encounter_id in {ENCOUNTERS}",
    "hospice begins": "update star.fact_procedure set is_restricted = true, procedure_key = "
    + some("dim_procedure", "procedure_key", 1, "s.is_restricted")
    + f" where encounter_id in {some('fact_procedure', 'encounter_id', 9)}",
    "specialty": f"update star.dim_provider set specialty = 'heart_surgeon' where provider_key = {PROVIDER}",
    "name": f"update star.dim_provider set provider_name = %(dice)s where provider_key = {PROVIDER}",
    "payer": "update star.dim_payer set payer_name = case when payer_name = 'Aetna' then 'Humana' else 'Aetna' end"
    " where payer_name in ('Aetna', 'Humana') and payer_key in "
    + some("dim_payer", "payer_key", 2),
    "city": "update star.dim_patient set city = %(dice)s where patient_key in "
    + some("dim_patient", "patient_key", 2, "s.patient_key > 0"),
    "status": "update star.dim_claim_profile set claim_status = 'denied' where claim_profile_key = "
    + some("dim_claim_profile", "claim_profile_key", 1, "s.claim_profile_key > 0"),
    "rebuilt": "truncate star.fact_survey",
}


class Published:
    """A published hospital with claims, of which every test changes and publishes again."""

    def __init__(self, owner, address, folder):
        self.owner, self.address, self.folder = owner, address, folder
        self.world = Hospital(owner, address, encounters=120)
        self._claims()
        tag = random.Random(address).randrange(10**6)
        self.humana, self.staff = f"humana_{tag}", f"revenue_{tag}"
        self.entitle(["Humana"], ["hospice"])
        client_file(
            folder, f"aetna_{tag}", ("hospital", {"payers": ["Aetna"]}),
            reports=["member_encounters", "member_procedures", "procedure_cost_index"],
        )  # fmt: skip
        client_file(
            folder, f"cardio_{tag}", ("hospital", {"specialties": ["heart_surgeon"]}),
            reports=["claims_by_specialty_month"],
        )  # fmt: skip
        self.roles = roles_file(
            folder / "roles.yml",
            {
                "name": self.staff, "reports": ["claims_by_key_fields", "claims_to_handle"], "logins": ["ann"],
                "entitlements": [{"source_system": "hospital", "every_row": True}],
                "metrics": [
                    {
                        "names": ["claims_volume", "billed_amount", "paid_amount", "paid_to_billed_ratio"],
                        "by": [["payer", "claim_status"], ["provider_specialty"], []],
                    },
                    {"names": ["denial_rate"], "by": [["provider_id", "payer"]]},
                    {"names": ["uninsured_share", "average_procedure_cost"], "by": [["payer"]]},
                ],
            },
        )  # fmt: skip
        self.publish()

    def publish(self, everything=False):
        """Publish; returns how many rows of each report were written."""
        done = reporting.publish(self.owner, self.folder, self.roles, everything=everything)
        (hospital,) = (edition for edition in done.editions if edition.source == "hospital")
        return {name: rows for name, rows in hospital.changed.items() if rows}

    def entitle(self, payers, restricted):
        """Give the client Humana the members of these payers, and these restricted specialties."""
        self.payers, self.restricted = payers, restricted
        kinds = {"payers": payers} | ({"restricted_specialties": restricted} if restricted else {})
        client_file(
            self.folder, self.humana, ("hospital", kinds),
            reports=["member_encounters", "member_procedures", "members_helped", "hospital_activity"],
        )  # fmt: skip

    def kill(self):
        """Publish, and lose the session when everything is written; the last editions stay."""
        before = self.owner.execute("select * from published.edition order by 1, 2").fetchall()

        def end(connection, *_, **__):
            pid = connection.info.backend_pid
            self.owner.execute("select pg_terminate_backend(%s, 5000)", [pid])
            connection.execute("select 1")

        with (
            psycopg.connect(self.address, autocommit=True) as lost,
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.setattr(totals, "check", end)
            with pytest.raises((ExceptionGroup, warehouse.WarehouseError)):
                reporting.publish(lost, self.folder, self.roles)
        known = self.owner.execute("select * from published.edition order by 1, 2").fetchall()
        assert [row[:3] for row in known] == [row[:3] for row in before]

    def audience(self, client):
        """The number of the audience of a client or role."""
        return self.owner.execute(
            "select l.audience from security.login as l where l.client = %s limit 1", [client]
        ).fetchone()[0]

    def shown(self, report, client, *sums):
        """How many rows of a report a client sees, and the sums of columns over them."""
        columns = "".join(f", coalesce(sum({column}), 0)" for column in sums)
        return self.owner.execute(
            f"select count(*) {columns} from published.{report}_{self.audience(client)}"
        ).fetchone()

    def refused(self):
        """Publish what cannot be, and see the last editions stay; returns the message, and which sums differ."""
        editions = "select * from published.edition order by 1, 2"
        before = self.owner.execute(editions).fetchall()
        with pytest.raises(ExceptionGroup) as raised:
            self.publish()
        assert self.owner.execute(editions).fetchall() == before
        (error,) = raised.value.exceptions
        return str(error), {(each.report, each.measure) for each in error.differences}

    def _claims(self):
        self.owner.execute(
            "insert into star.dim_provider (source_system, provider_id, last_name, specialty, valid_from,"
            " valid_to, is_current) select 'hospital', 'P' || n, 'Doe',"
            " (array['heart_surgeon', 'dentist'])[n % 2 + 1],"
            " '1900-01-01', '9999-12-31', true from generate_series(1, 6) as n"
        )
        self.owner.execute(
            "insert into star.dim_claim_profile (visit_type, claim_status) values ('a', 'paid'), ('b', null)"
        )
        self.owner.execute(
            "insert into star.fact_claim (source_system, claim_id, patient_key, provider_key, facility_key,"
            " payer_key, procedure_key, diagnosis_key, paid_date_key, claim_profile_key, service_date_key,"
            " claim_date_key,"
            " service_date, total_cost, paid_amount, version_count, batch_id, row_number)"
            " select 'hospital', 'C' || n, p.patient_key, v.provider_key, -1, y.payer_key, -2, -2, -2,"
            " c.claim_profile_key, -1, -1, '2025-01-01', n, nullif(n % 3, 0), 1, 1, n"
            " from generate_series(1, 200) as n"
            " join (select row_number() over (order by patient_key) - 1 as i, patient_key from star.dim_patient"
            " where patient_key > 0) as p on p.i = n % 50"
            " join (select row_number() over (order by provider_key) - 1 as i, provider_key from star.dim_provider"
            " where provider_key > 0) as v on v.i = n % 6"
            " join (select row_number() over (order by payer_key) - 1 as i, payer_key from star.dim_payer"
            " where payer_key > 0) as y on y.i = n % 4"
            " join (select row_number() over (order by claim_profile_key) - 1 as i, claim_profile_key"
            " from star.dim_claim_profile where visit_type in ('a', 'b')) as c on c.i = n % 2"
        )


@pytest.fixture(scope="module")
def published(server, tmp_path_factory):
    with database(server) as (address, owner), pytest.MonkeyPatch.context() as patch:
        # The claims of this world are the hospital's.
        patch.setattr(metric_reports, "sources", lambda metric: ["hospital"])
        # As if its facts were large: their totals follow what changed.
        patch.setattr(totals, "FEW_ROWS", 0)
        yield Published(owner, address, tmp_path_factory.mktemp("clients"))


@examples(25, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(sorted(CHANGES)), min_size=1, max_size=5), st.integers(0, 99))
def test_an_edition_that_follows_the_changes_is_the_one_that_compares_everything(
    published, names, seed
):
    for number, name in enumerate(names):
        published.owner.execute(CHANGES[name], {"dice": f"{seed}.{number}"})
    published.publish()
    assert_that_it_adds_up(published)
    assert published.publish(everything=True) == {}


# As if every table of the star were small, and had rows of another source system only.
MISLEAD = """
select
    pg_restore_relation_stats(
        'schemaname', 'star', 'relname', c.relname::text, 'relpages', 1, 'reltuples', 10::real
    ),
    pg_restore_attribute_stats(
        'schemaname', 'star', 'relname', c.relname::text, 'attname', 'source_system', 'inherited', false,
        'null_frac', 0::real, 'avg_width', 9, 'n_distinct', 1::real,
        'most_common_vals', '{elsewhere}', 'most_common_freqs', '{1}'::real[]
    )
from pg_class as c
inner join pg_attribute as a on c.oid = a.attrelid and a.attname = 'source_system'
where c.relnamespace = 'star'::regnamespace and c.relkind = 'r'
"""


def test_affected_rows_are_looked_up_by_key(published):
    """As joins, with misleading statistics, each row went through all others."""
    plans = []
    owner = published.owner
    owner.execute("load 'auto_explain'")
    owner.execute("set auto_explain.log_min_duration = 0")
    owner.execute("set auto_explain.log_nested_statements = on")
    owner.execute("set client_min_messages = log")
    owner.add_notice_handler(lambda notice: plans.append(notice.message_primary))
    try:
        for change in ("claim", "cost"):
            owner.execute(CHANGES[change], {"dice": "row by row"})
        owner.execute(MISLEAD)
        assert published.publish()
    finally:
        owner.execute("reset client_min_messages")
        owner.execute("set auto_explain.log_min_duration = -1")
    followed = [plan for plan in plans if "affected_" in plan]
    assert len(followed) > 10
    keys = r"row_key|claim_id|procedure_id|encounter_id"
    # What has changed, i, is analyzed before it is joined.
    each = rf"Join Filter: (?!.*\bi(_\d+)?\.).*({keys})"
    assert not [plan for plan in followed if re.search(each, plan)]


# What else may happen between two publications.
MOVES = {
    "audience wider": lambda published: published.entitle(["Aetna", "Humana"], ["hospice"]),
    "audience narrower": lambda published: published.entitle(["Humana"], []),
    "audience other": lambda published: published.entitle(["Aetna"], ["hospice"]),
    "audience as before": lambda published: published.entitle(["Humana"], ["hospice"]),
    "published": Published.publish,
    "night": lambda published: published.publish(everything=True),
    "killed": Published.kill,
}


@examples(4, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.sampled_from(sorted(CHANGES) + sorted(MOVES) * 2), min_size=4, max_size=8),
    st.integers(0, 99),
)
def test_totals_follow_changed_audiences_and_killed_publications(published, names, seed):
    for number, name in enumerate(names):
        if name in MOVES:
            MOVES[name](published)
        else:
            published.owner.execute(CHANGES[name], {"dice": f"{seed}.{number}"})
    published.publish()
    assert_that_it_adds_up(published)
    # The totals that are kept are those of what is shown.
    table = f"published.member_encounters_{published.audience(published.humana)}"
    assert published.owner.execute(
        "select t.measure, t.shown, t.star from published.control_total as t"
        " where t.report = 'member_encounters' and t.audience = %s and t.measure = 'rows'",
        [published.audience(published.humana)],
    ).fetchall() == [
        ("rows", *[published.owner.execute(f"select count(*) from {table}").fetchone()[0]] * 2)
    ]
    published.entitle(["Humana"], ["hospice"])
    published.publish()


def test_a_change_that_was_not_recorded_stops_the_edition_of_a_small_fact(published, monkeypatch):
    published.publish()
    monkeypatch.setattr(totals, "FEW_ROWS", 50_000)
    with published.owner.transaction():
        published.owner.execute("set local session_replication_role = replica")
        published.owner.execute(
            "update star.fact_encounter set length_minutes = length_minutes + 1"
        )
    _, differences = published.refused()
    assert ("member_encounters", "length_minutes") in differences
    published.publish(everything=True)
    assert_that_it_adds_up(published)
    assert published.publish() == {}


def test_a_sum_that_depends_on_the_order_of_its_parts_is_not_compared(published):
    metric = replace(
        next(known for known in metrics.load_all() if known.name == "billed_amount"),
        numerator="sum(fact_claim.total_cost::double precision / 3)",
    )
    report = metric_reports.load_all([{"billed_amount": ()}])["sums_of_claim"]
    report = replace(
        report, names=report.names | {"sums_of": {metric.name: metric_reports.sums_of(metric)}}
    )
    table = tables.Table(report, {}, ())
    control = totals._control(published.owner, table)
    assert set(control.star["billed_amount"]) == {"billed_amount_facts"}


def test_a_warehouse_without_totals_comes_along(published):
    published.publish()
    revision = settings.INCLUDE / "migrations" / "sql" / "0020_control_totals"
    for step in ("downgrade", "upgrade"):
        published.owner.execute((revision / f"{step}.sql").read_text("utf-8"))
    table = f"published.member_encounters_{published.audience(published.humana)}"
    published.owner.execute(f"update {table} set length_minutes = length_minutes + 1")
    # Wrong before totals were kept.
    _, differences = published.refused()
    assert differences == {("member_encounters", "length_minutes")}
    published.publish(everything=True)
    assert_that_it_adds_up(published)
    assert published.publish() == {}


def assert_that_it_adds_up(published):
    """What Humana and the staff are shown is what plain Python adds up of the rows of the star."""
    procedures = published.owner.execute(
        "select f.encounter_id, y.payer_name, f.is_restricted, c.is_restricted, c.specialty, f.base_cost"
        " from star.fact_procedure as f join star.dim_payer as y using (payer_key)"
        " join star.dim_procedure as c using (procedure_key)"
    ).fetchall()
    encounters = published.owner.execute(
        "select f.encounter_id, y.payer_name, f.is_restricted, f.specialty, f.total_claim_cost, f.length_minutes"
        " from star.fact_encounter as f join star.dim_payer as y using (payer_key)"
    ).fetchall()
    restricted = defaultdict(set)
    for encounter, _, _, is_restricted, specialty, _ in procedures:
        restricted[encounter] |= {specialty} if is_restricted else set()
    for encounter, _, is_restricted, specialty, _, _ in encounters:
        restricted[encounter] |= {specialty} if is_restricted else set()
    payers, opened = set(published.payers), set(published.restricted)
    seen = [row for row in encounters if row[1] in payers and restricted[row[0]] <= opened]
    cost = sum(row[4] for row in seen)
    assert published.shown(
        "member_encounters", published.humana, "total_claim_cost", "length_minutes"
    ) == (len(seen), cost, sum(row[5] for row in seen))
    costs = [
        row[5]
        for row in procedures
        if row[1] in payers and restricted[row[0]] <= opened and (restricted[row[0]] or not row[2])
    ]
    assert published.shown("member_procedures", published.humana, "base_cost") == (
        len(costs),
        sum(costs),
    )
    claims = published.owner.execute(
        "select f.total_cost, f.paid_amount from star.fact_claim as f"
        " join star.dim_procedure as c using (procedure_key) where not coalesce(c.is_restricted, false)"
    ).fetchall()
    assert published.shown(
        "claims_by_key_fields", published.staff, "claims", "billed_amount", "paid_amount"
    )[1:] == (
        len(claims),
        sum(total or 0 for total, _ in claims),
        sum(paid or 0 for _, paid in claims),
    )


def test_what_did_not_change_is_not_touched(published):
    published.publish()
    places = "select r.ctid, r.xmin, r.row_key from published.member_encounters as r order by 3"
    before = published.owner.execute(places).fetchall()
    assert published.publish() == {}
    assert published.publish(everything=True) == {}
    assert published.owner.execute(places).fetchall() == before
    published.owner.execute(CHANGES["claim"], {"dice": "x"})
    written = set(published.publish())
    assert written <= {
        "claims_by_key_fields",
        "claims_by_specialty_month",
        "claim_days",
        "sums_of_claim",
        "open_claims",
    }
    assert published.owner.execute(places).fetchall() == before


def test_a_report_that_does_not_add_up_is_not_published(published):
    published.publish()
    table = f"published.member_encounters_{published.audience(published.humana)}"
    a_row = f"where row_key = (select min(row_key::text)::uuid from {table})"
    for change, measure in (
        (
            f"update {table} set total_claim_cost = total_claim_cost + 0.01 {a_row}",
            "total_claim_cost",
        ),
        (f"delete from {table} {a_row}", "rows"),
        (
            f"with twice as (select * from {table} limit 1) insert into {table}"
            f" select (jsonb_populate_record(null::{table}, to_jsonb(w) ||"
            " jsonb_build_object('row_key', gen_random_uuid()))).* from twice as w",
            "total_claim_cost",
        ),
        (f"truncate {table}", "rows"),
    ):
        published.owner.execute(change)
        (message, differences) = published.refused()
        assert ("member_encounters", measure) in differences
        assert f"member_encounters for {published.humana}" in message
        assert not DIGITS.search(re.sub("(humana|revenue|aetna|cardio)_[0-9]+", "", message))
    sums = f"published.claims_by_key_fields_{published.audience(published.staff)}"
    metrics = f"published.sums_of_claim_{published.audience(published.staff)}"
    published.owner.execute(
        f"update {sums} set paid_amount = coalesce(paid_amount, 0) + 1"
        f" where row_key = (select row_key from {sums} limit 1)"
    )
    published.owner.execute(
        f"update {metrics} set billed_amount_numerator = billed_amount_numerator + 1"
        f" where row_key = (select row_key from {metrics} where billed_amount_facts > 0 limit 1)"
    )
    (message, differences) = published.refused()
    assert {
        ("claims_by_key_fields", "paid_amount"),
        ("sums_of_claim", "billed_amount_numerator"),
    } <= differences
    # No reader learns of it, and no reader reaches the totals.
    assert published.owner.execute(
        "select bool_or(has_table_privilege(l.role_name, p.relation, 'select, insert, update, delete'))"
        " from security.login as l cross join unnest(array['published.control_total', 'quality.failing_row',"
        " 'quality.issue', 'quality.check_result', 'published.report']) as p (relation)"
    ).fetchone() == (False,)
    # The owner sees it where other checks are seen, with the values, which the message does not tell.
    issue = (
        "select i.status, i.message from quality.issue as i"
        " where i.rule = 'publication:report_equals_star' order by i.issue_id desc limit 1"
    )
    assert published.owner.execute(issue).fetchone() == ("open", message)
    (example,) = published.owner.execute(
        "select f.failing_row from quality.failing_row as f where f.failing_row ->> 'measure' = 'rows'"
        " order by f.check_result_id desc limit 1"
    ).fetchone()
    assert example["shown"] == "0" != example["star"]
    # Comparing everything repairs it.
    published.publish(everything=True)
    assert_that_it_adds_up(published)
    assert published.publish() == {}
    assert published.owner.execute(issue).fetchone()[0] == "resolved"


# A number that a message could have of a row; those of the how-to's name are none.
DIGITS = re.compile(r"\d")


# What may be wrong with the code, at once: files, a text in each and what it becomes; what changes in the star,
# and which sums are found to be others.
FAULTS = {
    "a SELECT": (
        {
            "reporting/member_encounters/select": (
                "on f.patient_key = d.patient_key",
                "on f.patient_key = d.patient_key and d.patient_key % 2 = 0",
            ),
            "reporting/member_procedures/select": (
                "from publication_restricted as h",
                "from (values ('', '')) as h (encounter_id, specialty)",
            ),
            "reporting/claims_by_key_fields/select": (
                "count(*) as claims",
                "2 * count(*) as claims",
            ),
            "reporting/metrics/sums": (
                "count(*) as billed_amount_facts",
                "2 * count(*) as billed_amount_facts",
            ),
        },
        [
            "update star.fact_encounter set payer_coverage = payer_coverage + 1",
            "update star.fact_procedure set base_cost = base_cost + 1 where encounter_id in"
            " (select e.encounter_id from star.fact_encounter as e where e.is_restricted)",
            "update star.fact_claim set total_cost = coalesce(total_cost, 0) + 1",
        ],
        [
            ("member_encounters", "rows"),
            ("member_procedures", "rows"),
            ("claims_by_key_fields", "claims"),
            ("sums_of_claim", "billed_amount_facts"),
        ],
    ),
    "amounts, and rows of another payer": (
        {
            "reporting/member_encounters/select": (
                "f.total_claim_cost",
                "f.payer_coverage as total_claim_cost",
            ),
            "reporting/member_procedures/select": ("'Humana'", "'Aetna'"),
        },
        ["update star.fact_procedure set base_cost = base_cost + 1"],
        [("member_encounters", "total_claim_cost"), ("member_procedures", "rows")],
    ),
    "a delta": (
        {
            "reporting/editions/signed": (" -w.", " 0 * w."),
            "reporting/metrics/sums": (" -p.", " 0 * p."),
        },
        [
            "update star.fact_claim set total_cost = coalesce(total_cost, 0) + 1 where claim_id < 'C11'"
        ],
        [("claims_by_key_fields", "claims"), ("sums_of_claim", "billed_amount_facts")],
    ),
    "a merge": (
        {"reporting/editions/merge": ("not c.stays", "false")},
        [
            "delete from star.fact_encounter where encounter_id in (select f.encounter_id"
            " from star.fact_encounter as f join star.dim_payer as y using (payer_key)"
            " where y.payer_name = 'Humana' limit 3)"
        ],
        [("member_encounters", "rows")],
    ),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_of_the_code_stops_the_edition(published, monkeypatch, fault):
    replaced, changes, expected = FAULTS[fault]
    text_of, occurred = warehouse.sql, set()

    def broken(path, **names):
        text = text_of(path, **names)
        right, wrong = replaced.get(path, ("", ""))
        if right and right in text:
            occurred.add(path)
            return text.replace(right, wrong)
        return text

    published.publish()
    for change in changes:
        published.owner.execute(change)
    with monkeypatch.context() as patch:
        patch.setattr(warehouse, "sql", broken)
        _, differences = published.refused()
    assert occurred == replaced.keys()
    assert differences.issuperset(expected)
