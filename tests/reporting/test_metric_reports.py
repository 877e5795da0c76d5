"""Metrics as readers read them: at the cuts that their files list, as Python makes them of the facts."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import replace

import psycopg
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from psycopg import errors
from tests.metrics.test_metrics import CUTS, METRICS, against_medians, as_text, facts, grouped, near
from tests.worlds import made_star
from tests.worlds.billing_source import Billing
from tests.worlds.client_world import MASTER_KEY, client_file, role_of, roles_file
from tests.worlds.hospital_world import database

from claimhouse import metrics, reporting
from claimhouse.reporting import metric_reports, readers, selects
from claimhouse.reporting.audiences import Audience
from claimhouse.reporting.editions import Edition
from claimhouse.reporting.readers import ReaderError
from claimhouse.star import tables as star_tables

# What the readers of this module get: each metric of the star, by some of its cuts, by reader.
SOURCES = ("billing", "hospital", "clinic", "pended")
CLAIMS = [
    "claims_volume",
    "billed_amount",
    "paid_to_billed_ratio",
    "denial_rate",
    "days_to_payment",
]
HOSPITAL = [
    "average_procedure_cost", "median_procedure_cost", "cost_to_overall_median", "cost_to_payer_median",
    "uninsured_share",
]  # fmt: skip
CLINIC = [
    "completion_rate", "cancellation_rate", "no_show_rate", "reschedule_rate", "average_visit_duration",
    "average_satisfaction", "provider_utilization",
]  # fmt: skip
QUEUE = ["pended_claims", "pended_dollars", "pended_age"]
LISTED = {
    "revenue": [
        {"names": CLAIMS, "by": [["service_month", "payer"], ["diagnosis_id"], []]},
        {"names": ["claims_volume", "billed_amount"], "by": [["claim_status"]]},
    ],
    "analyst": [{"names": CLAIMS, "by": [["service_year"]]}],
    "payers": [
        {"names": HOSPITAL, "by": [["payer", "procedure_specialty"], ["patient_gender"]]},
    ],
    "clinics": [
        {"names": CLINIC, "by": [["service_quarter", "provider_id"]]},
        {"names": ["no_show_rate", "provider_utilization"], "by": [["service_weekday"]]},
        {"names": ["average_visit_duration"], "by": [["is_first_visit", "modality"]]},
    ],
    "queue": [
        {"names": QUEUE, "by": [["report_date", "age_bucket"], ["report_date", "facility"]]},
        {"names": ["pended_over_30_days_share"], "by": [["note_category"]]},
        {"names": ["claims_cleared"], "by": [["cleared_date"]]},
        {"names": ["days_pended"], "by": [["pended_outcome", "provider_group"]]},
        {"names": ["cleared_per_day"], "by": [["cleared_month"], ["cleared_year"]]},
    ],
}  # fmt: skip
ENTITLED = {
    "revenue": "billing", "analyst": "billing", "payers": "hospital", "clinics": "clinic", "queue": "pended",
}  # fmt: skip
NOT_ADDITIVE = {"median_procedure_cost", "uninsured_share"}


class House:
    """A star of made-up rows, published to readers of metrics under names of this module's own."""

    def __init__(self, admin, address, folder, tag):
        self.admin, self.address, self.folder, self.tag = admin, address, folder, tag

    def rows(self, login, query):
        """What the login reads."""
        role = role_of(self.admin, login)
        with self.admin.transaction(force_rollback=True):
            self.admin.execute(f"set local role {role}".encode())
            with self.admin.cursor(row_factory=psycopg.rows.dict_row) as cursor:
                return cursor.execute(query.encode()).fetchall()

    def staff(self, reader):
        """The login of a role inside the house."""
        return f"staff_{reader}_{self.tag}"


@pytest.fixture(scope="module")
def house(server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("metrics")
    with database(server) as (address, admin), pytest.MonkeyPatch.context() as patch:
        patch.setattr(made_star, "SOURCES", SOURCES)
        made_star.fill(admin, seed=11, facts=200)
        admin.execute(
            "update star.dim_payer set payer_name = 'Aetna' where payer_key = ("
            "select min(p.payer_key) from star.dim_payer p where p.source_system = 'hospital' and p.payer_key > 0)"
        )
        # Of what is restricted, claims of one procedure.
        admin.execute(
            "update star.dim_procedure set is_restricted = procedure_key in ("
            "select max(p.procedure_key) from star.fact_claim f join star.dim_procedure p"
            " using (procedure_key, source_system) where source_system = 'billing')"
        )
        for table in ("fact_procedure", "fact_encounter"):
            admin.execute(
                f"update star.{table} f set is_restricted = false,"
                " procedure_key = case when p.is_restricted then -1 else f.procedure_key end"
                " from star.dim_procedure p where p.procedure_key = f.procedure_key"
            )
        patch.setenv(
            "AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM",
            json.dumps({"conn_type": "generic", "password": MASTER_KEY}),
        )
        tag = address.rpartition("_")[2][:6]
        (folder / "clients").mkdir()
        client_file(
            folder / "clients",
            f"aetna_{tag}",
            ("hospital", {"payers": ["Aetna"]}),
            reports=[],
            metrics=[
                {"names": ["average_procedure_cost", "median_procedure_cost"], "by": [["payer"]]}
            ],
        )
        roles_file(
            folder / "roles.yaml",
            *(
                {
                    "name": f"{reader}_{tag}",
                    "metrics": entries,
                    "entitlements": [{"source_system": ENTITLED[reader], "every_row": True}],
                }
                for reader, entries in LISTED.items()
            ),
        )
        reporting.publish(admin, folder / "clients", folder / "roles.yaml")
        yield House(admin, address, folder, tag)


def grains(entries):
    """The grains of each metric, as the files list them."""
    listed = defaultdict(list)
    for entry in entries:
        for name in entry["names"]:
            listed[name] += entry["by"]
    for name in NOT_ADDITIVE & listed.keys():
        listed[name].append([])
    return listed


def is_open(row):
    """Whether the row is open to a reader with ``every_row`` and nothing restricted."""
    procedure = row["of"].get("procedure")
    return not (
        procedure
        and procedure["is_restricted"]
        and procedure["source_system"] == row["source_system"]
    )


def open_facts(house, name, source):
    """The rows that a metric of the source stands on."""
    if name == "procedure_cost":
        # Each source system has medians of its own, though keys of this made-up star are shared.
        return against_medians(open_facts(house, "fact_procedure", source))
    return [
        row for row in facts(house.admin, name) if row["source_system"] == source and is_open(row)
    ]


@pytest.mark.parametrize("reader", LISTED)
def test_each_metric_is_what_python_makes_of_the_facts(house, reader):
    compared = 0
    for name, listed in grains(LISTED[reader]).items():
        fact, counts, value_of = METRICS[name]
        of_source = list(filter(counts, open_facts(house, fact, ENTITLED[reader])))
        rows = house.rows(house.staff(reader), f"select * from reporting.metric_{name}")
        assert {row["source_system"] for row in rows} == {ENTITLED[reader]}
        cuts = {cut for grain in listed for cut in grain}
        assert cuts <= rows[0].keys()
        by_grain = defaultdict(list)
        for row in rows:
            by_grain[row["cuts"]].append(row)
        assert {frozenset(filter(None, cuts.split(", "))) for cuts in by_grain} == {
            frozenset(grain) for grain in listed
        }
        for name_of_grain, shown in by_grain.items():
            grain = [cut for cut in name_of_grain.split(", ") if cut]
            actual = {tuple(as_text(row[cut]) for cut in grain): row["value"] for row in shown}
            assert len(actual) == len(shown)
            groups = grouped(of_source, *grain)
            near(actual, {key: value_of(group) for key, group in groups.items()})
            for row in shown:
                assert all(
                    row[cut] is None for cut in CUTS.keys() & row.keys() - {*grain, "source_system"}
                )
            compared += len(shown)
            if name not in NOT_ADDITIVE:
                # Roll up as a dashboard would.
                total = value_of(of_source)
                parts = house.rows(
                    house.staff(reader),
                    "select sum(numerator) as numerator, sum(denominator) as denominator"
                    f" from reporting.metric_{name} where cuts = '{name_of_grain}'",
                )[0]
                if name not in QUEUE and total is not None:
                    whole = parts["numerator"] / (parts["denominator"] or 1)
                    assert float(whole) == pytest.approx(float(total)), name
    assert compared > 10


def test_a_reader_with_fewer_cuts_sees_no_row_of_another(house):
    """Both are entitled to the same rows, but an audience is also what it reads."""
    query = "select distinct cuts from reporting.metric_billed_amount order by 1"
    assert [row["cuts"] for row in house.rows(house.staff("analyst"), query)] == ["service_year"]
    of_revenue = [row["cuts"] for row in house.rows(house.staff("revenue"), query)]
    assert of_revenue == ["", "claim_status", "diagnosis_id", "service_month, payer"]
    for name in METRICS:
        listed = grains(LISTED["analyst"])
        if name not in listed:
            with pytest.raises((errors.InsufficientPrivilege, errors.UndefinedTable)):
                house.rows(house.staff("analyst"), f"select * from reporting.metric_{name}")
    for relation in ("metrics.billed_amount", "metrics.catalog", "published.sums_of_claim"):
        with pytest.raises(errors.InsufficientPrivilege):
            house.rows(house.staff("revenue"), f"select * from {relation}")


def test_a_client_gets_metrics_of_its_own_rows(house):
    payers = ("payer_name", "source_system")
    own = [
        row
        for row in facts(house.admin, "fact_procedure")
        if row["source_system"] == "hospital"
        and [row["of"]["payer"][column] for column in payers] == ["Aetna", "hospital"]
    ]
    assert own
    for name in ("average_procedure_cost", "median_procedure_cost"):
        _, counts, value_of = METRICS[name]
        rows = house.rows(f"client_aetna_{house.tag}", f"select * from reporting.metric_{name}")
        assert {row["payer"] for row in rows if row["cuts"]} == {"Aetna"}
        for row in rows:
            assert float(row["value"]) == pytest.approx(
                float(value_of([r for r in own if counts(r)]))
            )


def test_the_catalog_has_the_metrics_of_its_reader(house):
    for reader, entries in LISTED.items():
        rows = house.rows(house.staff(reader), "select * from reporting.metric_catalog")
        defined = {metric.name: metric for metric in metrics.load_all()}
        assert {row["metric"] for row in rows} == set(grains(entries))
        for row in rows:
            metric = defined[row["metric"]]
            assert (row["title"], row["sentence"], row["owner"], row["unit"], row["kind"]) == (
                metric.title, metric.sentence.strip(), metric.owner, metric.unit, metric.kind,
            )  # fmt: skip
            assert row["roll_up"] and row["grains"] and "as_of" in row
            assert (metric.not_across or "roll") in row["roll_up"] or metric.kind in (
                "sum",
                "ratio",
            )


def test_every_column_is_described(house):
    missing = house.admin.execute(
        "select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid"
        " where c.relnamespace = 'reporting'::regnamespace and c.relname like 'metric%' and a.attnum > 0"
        " and col_description(c.oid, a.attnum) is null"
    ).fetchall()
    assert missing == []


def test_the_second_publication_writes_nothing(house):
    publication = reporting.publish(
        house.admin, house.folder / "clients", house.folder / "roles.yaml"
    )
    assert {rows for edition in publication.editions for rows in edition.changed.values()} == {0}
    assert not publication.is_new
    assert replace(publication, entitlements_closed=1).is_new
    assert replace(publication, editions=(Edition("billing", {"claims": 0, "members": 2}),)).is_new


EVERY_ROW = {"source_system": "billing", "every_row": True}
AS_A_ROLE = {
    "there is no metric bill": {"names": ["bill"]},
    "billed_amount has no cut color": {"by": [["payer"], ["color"]]},
    "billed_amount has no cut patient_city": {"by": [["patient_city"]]},
    "leave out source_system": {"by": [["source_system"]]},
    "pended_claims does not add up over report_date": {
        "names": ["pended_claims"], "by": [["age_bucket"]],
        "entitlement": {"source_system": "pended", "every_row": True},
    },
    "no_show_rate is of clinic, of which no row is open to the reader": {
        "names": ["no_show_rate"], "by": [["facility"]],
    },
    "billed_amount is of billing, billing_exports, pended, of which no row": {
        "entitlement": {"source_system": "billing", "feeds": ["claims"]},
    },
    "provider_utilization is made of every row": {
        "names": ["provider_utilization"], "by": [["provider_id"]],
        "entitlement": {"source_system": "clinic", "specialties": ["dermatology"]},
    },
    "uninsured_share can count few people": {
        "names": ["uninsured_share"], "privacy_level": "aggregate",
        "entitlement": {"source_system": "hospital", "every_row": True},
    },
    "list star too": {"schemas": ["metrics"]},
}  # fmt: skip


@pytest.mark.parametrize("message", AS_A_ROLE)
def test_what_a_role_may_not_list_is_an_error_with_its_line(tmp_path, message):
    case = {"names": ["billed_amount"], "by": [["payer"]], "entitlement": EVERY_ROW} | AS_A_ROLE[
        message
    ]
    role = {
        "name": "somebody",
        "entitlements": [case["entitlement"]],
        "metrics": [{"names": case["names"], "by": case["by"]}],
        "privacy_level": case.get("privacy_level", "limited"),
        "schemas": case.get("schemas", []),
    }
    file = roles_file(tmp_path / "roles.yaml", role)
    with pytest.raises(ReaderError, match=rf"roles.yaml:\d+: .*{message}"):
        readers.load_roles(file)


@pytest.mark.parametrize("level", ["aggregate", "safe_harbor"])
def test_a_client_below_limited_gets_no_metric(tmp_path, level):
    client_file(
        tmp_path, "acme", ("hospital", {"payers": ["Humana"]}), reports=[], privacy_level=level,
        metrics=[{"names": ["average_procedure_cost"], "by": [["payer"]]}],
    )  # fmt: skip
    with pytest.raises(ReaderError, match=r"acme.yaml:\d+: .*can count few people"):
        readers.load_clients(tmp_path)


def test_a_role_that_answers_for_its_rows_may_count_few(tmp_path):
    role = {
        "name": "clinics", "privacy_level": "aggregate",
        "entitlements": [{"source_system": "clinic", "every_row": True, "responsible": True}],
        "metrics": [{"names": ["no_show_rate"], "by": [["facility"], []]}],
    }  # fmt: skip
    (reader,) = readers.load_roles(roles_file(tmp_path / "roles.yaml", role))
    assert reader.metrics == {"no_show_rate": ((), ("facility",))}
    assert set(reader.reports) == {"metric_no_show_rate", "metric_catalog"}
    written = yaml.safe_load((tmp_path / "roles.yaml").read_text())
    assert written["roles"][0]["reports"] == []


def test_editions_follow_the_metrics_of_claims():
    """One metric that is no plain sum would have every publication read all claims again."""
    published = metric_reports.load_all(reader.metrics for reader in readers.load_all())
    for name in ("sums_of_claim", "sums_of_appointment", "sums_of_pended_queue"):
        assert published[name].of and published[name].sums, name


@pytest.mark.parametrize(
    "layout", ["{} filter (where {})", "{}\n  filter ( where {} )", "{} filter (\nwhere {}\n)"]
)
def test_a_plain_aggregate_is_one_however_it_is_laid_out(layout):
    aggregate = layout.format("sum(f.a - f.b)", "f.c in ('x', 'y') and (f.a > 0 or f.d)")
    assert metric_reports.only(aggregate, "f.e") == (
        "sum(f.a - f.b) filter (where (f.c in ('x', 'y') and (f.a > 0 or f.d)) and (f.e))"
    )
    assert metric_reports.only(f"{aggregate} + 1", "f.e") is None


def test_a_grain_is_made_of_the_finest_that_has_its_cuts():
    month, payer, both = ("service_month",), ("payer",), ("service_month", "payer")
    alone, three = ("diagnosis_id",), ("service_month", "facility", "payer")
    listed = [month, (), payer, both, alone, three, month]
    assert metric_reports.made_of(listed) == {
        (): alone, month: three, payer: three, both: three, alone: alone, three: three,
    }  # fmt: skip
    assert metric_reports.made_of([both, alone, ()], alike=["payer", "claim_status"]) == {
        both: both, alone: ("payer", "diagnosis_id"), (): ("payer", "diagnosis_id"),
    }  # fmt: skip


CUT = st.sampled_from(list(metric_reports.cuts()))


@given(st.sets(st.frozensets(CUT, max_size=4), min_size=1), st.frozensets(CUT))
def test_grains_are_made_of_fewer_where_rows_are_alike(listed, alike):
    grains = [tuple(cut for cut in metric_reports.cuts() if cut in grain) for grain in listed]
    plain, made_of = metric_reports.made_of(grains), metric_reports.made_of(grains, alike)
    assert made_of.keys() == plain.keys() == set(grains)
    for grain, finest in made_of.items():
        assert set(grain) <= set(finest)
    assert len(set(made_of.values())) <= len(set(plain.values()))


@pytest.mark.parametrize(
    "alike", [["payer"], ["service_month", "claim_status"], list(metric_reports.cuts())]
)
def test_the_sums_are_the_same_whichever_cuts_are_taken_for_alike(house, alike):
    """All of these divide the made-up claims."""
    ((number, rule),) = house.admin.execute(
        "select audience, rule from published.audience where rule like '%claims_volume%diagnosis_id%'"
    )
    audience = Audience.of_rule(rule, number)
    report = metric_reports.load_all([audience.metrics])["sums_of_claim"]
    guessed, plain = (
        Counter(
            house.admin.execute(selects.select(report, audience, "billing", alike=cuts).encode())
        )
        for cuts in (alike, ())
    )
    assert len(plain) > 20
    assert guessed == plain


def test_rows_are_alike_in_what_a_mapping_does_not_bring(warehouse):
    """Billing names no payer, procedure or diagnosis; its facility is where the provider works."""
    Billing(warehouse)
    listed = ["service_month", "paid_month", "facility", "provider_id", "payer", "procedure_specialty",
              "diagnosis_id", "visit_type", "claim_status"]  # fmt: skip
    report = metric_reports.load_all([{"claims_volume": (tuple(listed),)}])["sums_of_claim"]
    fact = star_tables.fact(warehouse, "billing", "fact_claim")
    assert metric_reports.alike_cuts(report, fact) == {
        "paid_month", "payer", "procedure_specialty", "diagnosis_id", "claim_status",
    }  # fmt: skip


def test_a_row_has_the_sums_of_the_metrics_that_its_reader_reads_by_its_cuts(house):
    tables = [
        table
        for (table,) in house.admin.execute(
            "select i.inhrelid::regclass::text from pg_inherits as i"
            " where i.inhparent::regclass::text like 'published.sums_of_%'"
        )
    ]
    found = set()
    for table in tables:
        (number,) = {int(table.rpartition("_")[2])}
        (rule,) = house.admin.execute(
            "select rule from published.audience where audience = %s", [number]
        ).fetchone()
        read = {
            (metric, ", ".join(grain))
            for of_metrics in json.loads(rule)[3:]
            for metric, grains in of_metrics.items()
            for grain in grains
        }
        for row in house.admin.execute(f"select to_jsonb(t) from {table} as t".encode()):
            filled = {
                metric
                for metric in metric_reports.known()
                for column, value in row[0].items()
                if column.startswith(f"{metric}_") and value is not None
            }
            assert filled
            assert {(metric, row[0]["cuts"]) for metric in filled} <= read
            found |= {len(filled)}
    assert max(found) > 1, "no row has several metrics"
