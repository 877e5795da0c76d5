"""Metrics: every roll-up of each is what plain Python makes of the facts."""

from __future__ import annotations

import random
import shutil
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.worlds import made_star

from claimhouse import metrics, settings
from claimhouse.strict_yaml import YamlError

Row = dict[str, Any]
Cut = Callable[[Row], Any]

# --- what each cut and each metric is, again in Python --------------------------------


def _of(dimension: str, column: str) -> Cut:
    return lambda row: row["of"][dimension][column]


def _service(part: Callable[[date], Any]) -> Cut:
    def cut(row: Row) -> Any:
        day = row["of"]["service_date"]["date"]
        return None if day is None else part(day)

    return cut


def _paid_month(row: Row) -> Any:
    day = row["of"]["paid_date"]["date"]
    return day and f"{day:%Y-%m}"


CUTS: dict[str, Cut] = {
    "source_system": lambda row: row["source_system"],
    "service_month": _service(lambda day: f"{day:%Y-%m}"),
    "service_quarter": _service(lambda day: f"{day.year}-Q{(day.month + 2) // 3}"),
    "service_year": _service(lambda day: day.year),
    "service_fiscal_year": _service(lambda day: day.year + (day.month >= 10)),
    # the rows for what is unknown have names for a day of the week, and no other
    "service_weekday": lambda row: (
        f"{day:%A}"
        if (day := row["of"]["service_date"]["date"])
        else {-1: "unknown", -2: "not applicable"}[row["service_date_key"]]
    ),
    "paid_month": _paid_month,
    "facility": _of("facility", "facility_name"),
    "provider_id": _of("provider", "provider_id"),
    "provider_specialty": _of("provider", "specialty"),
    "payer": _of("payer", "payer_name"),
    "procedure": _of("procedure", "procedure_name"),
    "procedure_id": _of("procedure", "procedure_id"),
    "procedure_specialty": _of("procedure", "specialty"),
    "diagnosis_id": _of("diagnosis", "diagnosis_id"),
    "patient_payer_type": _of("patient", "payer_type"),
    "patient_age_group": _of("patient", "age_group"),
    "patient_gender": _of("patient", "gender"),
    "patient_city": _of("patient", "city"),
    "patient_state": _of("patient", "state"),
    "encounter_class": _of("encounter_profile", "encounter_class"),
    "modality": _of("encounter_profile", "modality"),
    "is_first_visit": _of("encounter_profile", "is_first_visit"),
    "visit_type": _of("claim_profile", "visit_type"),
    "claim_type": _of("claim_profile", "claim_type"),
    "plan_type": _of("claim_profile", "plan_type"),
    "claim_status": _of("claim_profile", "claim_status"),
    "provider_group": _of("provider", "provider_group"),
    "report_date": _of("report_date", "date"),
    "age_bucket": _of("pended_profile", "age_bucket"),
    "pended_age_group": _of("pended_profile", "age_group"),
    "note_category": _of("pended_profile", "note_category"),
    "pended_outcome": _of("pended_profile", "outcome"),
    "cleared_date": _of("cleared_date", "date"),
    "cleared_month": lambda row: (day := row["of"]["cleared_date"]["date"]) and f"{day:%Y-%m}",
    "cleared_year": lambda row: (day := row["of"]["cleared_date"]["date"]) and day.year,
}


def total(values: Iterable[Any]) -> Any:
    """The sum of what is known; nothing where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def ratio(numerator: Callable[[Row], Any], denominator: Callable[[Row], Any]) -> Any:
    """A metric that is a sum over a sum."""

    def value(rows: list[Row]) -> Any:
        above, below = total(map(numerator, rows)), total(map(denominator, rows))
        return None if above is None or not below else above / below

    return value


def each(row: Row) -> int:
    """Each row counts."""
    return 1


def column(name: str) -> Callable[[Row], Any]:
    return lambda row: row[name]


def known(name: str) -> Callable[[Row], int]:
    return lambda row: int(row[name] is not None)


def summed(name: str) -> Any:
    return lambda rows: total(row[name] for row in rows)


def counted(rows: list[Row]) -> int | None:
    """How many there are; like any sum, nothing where there are none."""
    return len(rows) or None


def median_cost(rows: list[Row]) -> Any:
    return statistics.median(row["base_cost"] for row in rows) if rows else None


def uninsured(rows: list[Row]) -> Any:
    """Distinct patients, whatever the state they were in."""
    patients = [
        ((row["of"]["patient"]["source_system"], row["of"]["patient"]["patient_id"]), row)
        for row in rows
    ]
    everybody = {who for who, _ in patients}
    some = {who for who, row in patients if not row["of"]["payer"]["is_insurer"]}
    return len(some) / len(everybody) if everybody else None


def _payment(row: Row) -> Any:
    """Days from the claim, or else the service, to the payment."""
    paid, claimed = row["of"]["paid_date"]["date"], row["of"]["claim_date"]["date"]
    since = claimed or row["service_date"]
    return (paid - since).days if paid and since else None


def _status(row: Row) -> Any:
    return row["of"]["claim_profile"]["claim_status"]


def underpaid(row: Row) -> Any:
    """How much less than allowed was paid, of a claim that is settled or on which something was paid."""
    paid, allowed = row["paid_amount"], row["allowed_amount"]
    if _status(row) in ("denied", "reversed") or paid is None or allowed is None or paid >= allowed:
        return None
    return allowed - paid if paid > 0 or _status(row) == "paid" else None


def ended(row: Row) -> int:
    """Whether it is known how the appointment ended."""
    return sum(row[f"{way}_count"] for way in ("completed", "cancelled", "no_show", "rescheduled"))


def everything(row: Row) -> bool:
    return True


# The fact of each metric, which of its rows count, and what they come to.
METRICS: dict[str, tuple[str, Callable[[Row], Any], Callable[[list[Row]], Any]]] = {
    "completion_rate": ("fact_appointment", everything, ratio(column("completed_count"), ended)),
    "cancellation_rate": ("fact_appointment", everything, ratio(column("cancelled_count"), ended)),
    "no_show_rate": ("fact_appointment", everything, ratio(column("no_show_count"), ended)),
    "reschedule_rate": ("fact_appointment", everything, ratio(column("rescheduled_count"), ended)),
    "average_visit_duration": (
        "fact_encounter",
        lambda row: row["appointment_id"] is not None,
        ratio(column("length_minutes"), known("length_minutes")),
    ),
    "provider_utilization": (
        "provider_day",
        everything,
        ratio(column("visit_minutes"), column("available_minutes")),
    ),
    "average_satisfaction": (
        "fact_survey",
        everything,
        ratio(column("satisfaction_score"), known("satisfaction_score")),
    ),
    "claims_volume": ("fact_claim", everything, counted),
    "billed_amount": ("fact_claim", everything, summed("total_cost")),
    "paid_amount": ("fact_claim", everything, summed("paid_amount")),
    "allowed_amount": ("fact_claim", everything, summed("allowed_amount")),
    "paid_to_billed_ratio": (
        "fact_claim",
        lambda row: row["paid_amount"] is not None and row["total_cost"] is not None,
        ratio(column("paid_amount"), column("total_cost")),
    ),
    "days_to_payment": (
        "fact_claim",
        lambda row: _payment(row) is not None,
        ratio(_payment, each),
    ),
    "approval_rate": (
        "fact_claim",
        everything,
        ratio(
            lambda row: int(_status(row) == "paid"),
            lambda row: int(_status(row) in ("paid", "denied")),
        ),
    ),
    "claims_denied": (
        "fact_claim",
        everything,
        lambda rows: total(int(_status(row) == "denied") for row in rows),
    ),
    "claims_underpaid": (
        "fact_claim",
        everything,
        lambda rows: total(int(underpaid(row) is not None) for row in rows),
    ),
    "underpaid_amount": ("fact_claim", everything, lambda rows: total(map(underpaid, rows))),
    "denial_rate": (
        "fact_claim",
        everything,
        ratio(
            lambda row: int(_status(row) == "denied"),
            lambda row: int(_status(row) in ("paid", "denied")),
        ),
    ),
    "average_procedure_cost": (
        "fact_procedure",
        everything,
        ratio(column("base_cost"), known("base_cost")),
    ),
    "median_procedure_cost": (
        "fact_procedure",
        lambda row: row["base_cost"] is not None,
        median_cost,
    ),
    "cost_to_overall_median": (
        "procedure_cost",
        everything,
        ratio(column("base_cost"), column("overall_median")),
    ),
    "cost_to_payer_median": (
        "procedure_cost",
        everything,
        ratio(column("base_cost"), column("payer_median")),
    ),
    "uninsured_share": (
        "fact_procedure",
        lambda row: row["patient_key"] > 0 and row["of"]["payer"]["is_insurer"] is not None,
        uninsured,
    ),
    "pended_claims": ("fact_pended_queue", everything, counted),
    "pended_dollars": ("fact_pended_queue", everything, summed("total_charge")),
    "pended_age": (
        "fact_pended_queue",
        everything,
        ratio(column("age_days"), known("age_days")),
    ),
    "pended_over_30_days_share": (
        "fact_pended_queue",
        everything,
        ratio(lambda row: int((row["age_days"] or 0) > 30), known("age_days")),
    ),
    "claims_cleared": ("fact_pended_claim", lambda row: row["cleared_date_key"] > 0, counted),
    "cleared_per_day": (
        "clearing_day",
        everything,
        ratio(column("cleared"), column("working_days")),
    ),
    "days_pended": (
        "fact_pended_claim",
        lambda row: row["pended_count"] == 0,
        ratio(column("days_pended"), known("days_pended")),
    ),
}


def facts(connection: Any, name: str) -> list[Row]:
    """The rows a metric stands on: of a fact, or made of several."""
    if name == "procedure_cost":
        return against_medians(made_star.rows(connection, "fact_procedure"))
    if name == "clearing_day":
        return _days_of_clearing(connection)
    if name == "provider_day":
        return _days_of_providers(connection)
    return made_star.rows(connection, name)


def against_medians(performed: list[Row]) -> list[Row]:
    rows = [row for row in performed if row["base_cost"] is not None]
    costs: dict[Any, list[Any]] = defaultdict(list)
    for row in rows:
        payer = row["of"]["payer"]["payer_name"] or "unknown"
        costs[row["procedure_key"]].append(row["base_cost"])
        costs[row["procedure_key"], payer].append(row["base_cost"])
    for row in rows:
        payer = row["of"]["payer"]["payer_name"] or "unknown"
        row["overall_median"] = statistics.median(costs[row["procedure_key"]])
        row["payer_median"] = statistics.median(costs[row["procedure_key"], payer])
    return rows


def _days_of_clearing(connection: Any) -> list[Row]:
    days: dict[str, list[date]] = defaultdict(list)
    for row in made_star.rows(connection, "fact_pended_claim"):
        if row["cleared_date_key"] > 0:
            days[row["source_system"]].append(row["of"]["cleared_date"]["date"])
    calendar = _calendar(connection)
    return [
        {
            "source_system": source,
            "of": {"cleared_date": calendar[day]},
            "cleared": cleared.count(day),
            "working_days": int(_works(calendar[day])),
        }
        for source, cleared in days.items()
        for at in range((max(cleared) - min(cleared)).days + 1)
        for day in [min(cleared) + timedelta(at)]
    ]


def _calendar(connection: Any) -> dict[date, Row]:
    return {row["date"]: row for row in made_star.table(connection, "dim_date")}


def _works(day: Row) -> bool:
    return day["date"].weekday() < 5 and not day["holiday_name"]


def _days_of_providers(connection: Any) -> list[Row]:
    visits = made_star.rows(connection, "fact_encounter")
    taking_part = defaultdict(list)
    for row in made_star.rows(connection, "bridge_visit_provider"):
        taking_part[row["source_system"], row["encounter_id"]].append(row)
    rows = []
    for visit in visits:
        listed = taking_part[visit["source_system"], visit["encounter_id"]]
        if not listed and visit["appointment_id"] is not None:
            listed = [visit]
        for who in listed:
            if who["provider_key"] > 0 and visit["service_date_key"] > 0:
                of = {
                    "provider": who["of"]["provider"],
                    "service_date": visit["of"]["service_date"],
                }
                minutes = visit["length_minutes"] or 0
                rows.append({**visit, "of": of, "visit_minutes": minutes, "available_minutes": 0})
    days = defaultdict(list)
    for row in made_star.rows(connection, "fact_appointment"):
        if row["service_date_key"] > 0:
            days[row["source_system"]].append(row["of"]["service_date"]["date"])
    providers, calendar = made_star.table(connection, "dim_provider"), _calendar(connection)
    for source, calendar_days in days.items():
        for at in range((max(calendar_days) - min(calendar_days)).days + 1):
            day = min(calendar_days) + timedelta(at)
            if not _works(calendar[day]):
                continue
            rows += [
                {
                    "source_system": source,
                    "of": {"provider": who, "service_date": calendar[day]},
                    "visit_minutes": 0,
                    "available_minutes": 480,
                }
                for who in providers
                if who["source_system"] == source and who["valid_from"] <= day < who["valid_to"]
            ]
    return rows


# --- the roll-ups --------------------------------------------------------------------------------


def as_text(value: Any) -> str | None:
    """A member of a cut as the view of all roll-ups writes it."""
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)


def grouped(rows: list[Row], *cuts: str) -> dict[tuple[str | None, ...], list[Row]]:
    groups: dict[tuple[str | None, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(as_text(CUTS[cut](row)) for cut in cuts)].append(row)
    return groups


def near(actual: dict[Any, Any], expected: dict[Any, Any]) -> None:
    """Both are equal, but for the last digits of a division."""
    assert set(actual) == set(expected)
    for key, value in expected.items():
        if value is None:
            assert actual[key] is None, key
        else:
            assert float(actual[key]) == pytest.approx(float(value), rel=1e-9), key


def by_file() -> dict[str, Any]:
    """What the files say, read by nobody but YAML."""
    files = (settings.INCLUDE / "metrics").glob("*.yaml")
    return {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}


def check_every_roll_up(connection: Any, seed: int = 0) -> None:
    """Every metric along every permitted cut, and along pairs of them, against the raw facts."""
    published = metrics.publish(connection)
    assert set(published) == set(METRICS), "say the new metric in METRICS too"
    rolled: dict[str, dict[Any, Any]] = defaultdict(dict)
    for name, as_of, cut, member, value in connection.execute(
        "select metric, as_of, dimension, member, value from metrics.roll_up"
    ):
        assert (as_of, cut, member) not in rolled[name]
        rolled[name][as_of, cut, member] = value
    how = dict(connection.execute("select metric, roll_up from metrics.catalog").fetchall())
    raw = {fact: facts(connection, fact) for fact in {metric[0] for metric in METRICS.values()}}
    dice = random.Random(seed)
    for name, definition in by_file().items():
        fact, counts, value_of = METRICS[name]
        rows = [row for row in raw[fact] if counts(row)]
        # what must not be added up over time is asked for each time by itself
        fixed = [definition["not_across"]] if "not_across" in definition else []
        expected = {}
        nothing = [] if fixed else [((), [])]
        for as_of, at_a_time in grouped(rows, *fixed).items() or nothing:
            time = as_of[0] if as_of else None
            expected[time, "all", None] = value_of(at_a_time)
            for cut in [cut for cut in definition["dimensions"] if cut not in fixed]:
                for (member,), part in grouped(at_a_time, cut).items():
                    expected[time, cut, member] = value_of(part)
        near(rolled[name], expected)
        pair = [
            *fixed,
            *dice.sample([cut for cut in definition["dimensions"] if cut not in fixed], 2),
        ][:2]
        query = f"select {pair[0]}, {pair[1]}, {how[name]} from metrics.{name} group by 1, 2"
        actual = {
            (as_text(row[0]), as_text(row[1])): row[2]
            for row in connection.execute(query).fetchall()
        }
        near(actual, {key: value_of(part) for key, part in grouped(rows, *pair).items()})


@pytest.mark.parametrize("seed", [1, 2])
def test_every_roll_up_is_what_the_facts_say(warehouse, seed):
    made_star.fill(warehouse, seed)
    check_every_roll_up(warehouse, seed)


# --- the files -----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the metrics' files to spoil."""
    return Path(shutil.copytree(settings.INCLUDE / "metrics", tmp_path / "metrics"))


@pytest.mark.parametrize(
    ("was", "becomes", "line", "message"),
    [
        ("unit: share", "unit: percent", 5, "unit: 'percent' is not one of"),
        ("unit: share", "units: share", 5, "units: unknown key"),
        ("unit: share", "unit: share\nunit: share", 5, "unit: occurs twice"),
        ("name: no_show_rate", "name: no_show", 1, "the file of this metric is no_show.yaml"),
        ("- facility", "- clinic", 23, "dimensions.6: no cut of"),
        ("denominator: >-", "member: >-", 6, "kind: a ratio needs the key denominator"),
        ("kind: ratio", "kind: sum", 10, "denominator: only a ratio has it"),
        ("owner: Clinic operations", "owner: [", 6, "not YAML"),
    ],
)
def test_a_wrong_file_is_an_error_with_its_line(folder, was, becomes, line, message):
    file = _spoil(folder, was, becomes)
    with pytest.raises(YamlError) as error:
        metrics.load_all(folder)
    assert str(error.value).startswith(f"{file}:{line}: ")
    assert message in str(error.value)


def _spoil(folder: Path, was: str, becomes: str) -> Path:
    file = folder / "no_show_rate.yaml"
    text = file.read_text(encoding="utf-8")
    assert was in text
    file.write_text(text.replace(was, becomes), encoding="utf-8")
    return file


def test_sql_that_the_star_does_not_answer_is_an_error_and_changes_nothing(warehouse, folder):
    metrics.publish(warehouse)
    before = _relations(warehouse)
    for was, becomes, message in (
        ("sum(fact_appointment.no_show", "sum(fact_nothing.no_show", "missing FROM-clause"),
        ("fact: fact_appointment", "fact: fact_nothing", "fact_nothing"),
    ):
        file = _spoil(folder, was, becomes)
        with pytest.raises(YamlError) as error:
            metrics.publish(warehouse, folder)
        assert str(error.value).startswith(f"{file}:9: ") and message in str(error.value)
        assert _relations(warehouse) == before


def _relations(connection: Any) -> list[Any]:
    return connection.execute(
        "select relname, oid from pg_class where relnamespace = 'metrics'::regnamespace order by 1"
    ).fetchall()


def test_a_level_needs_the_cut_over_which_it_is_not_added_up(warehouse, folder):
    file = folder / "pended_claims.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("not_across: report_date\n", ""), encoding="utf-8")
    with pytest.raises(YamlError, match="not_across"):
        metrics.load_all(folder)
    file.write_text(text.replace("  - report_date\n", ""), encoding="utf-8")
    with pytest.raises(YamlError, match="not among the dimensions"):
        metrics.load_all(folder)


def test_a_metric_may_not_take_the_name_of_another_view(folder):
    for name in ("catalog", "roll_up", "provider_day"):
        file = folder / f"{name}.yaml"
        text = (folder / "no_show_rate.yaml").read_text(encoding="utf-8")
        file.write_text(text.replace("no_show_rate", name, 1), encoding="utf-8")
        with pytest.raises(YamlError, match="another view"):
            metrics.load_all(folder)
        file.unlink()


# --- what is published ---------------------------------------------------------------------------


def test_the_catalog_says_what_the_files_say_and_forgets_what_they_drop(warehouse, folder):
    metrics.publish(warehouse, folder)
    metrics.publish(warehouse, folder)  # again: nothing in the way
    with warehouse.cursor(row_factory=made_star.psycopg.rows.dict_row) as cursor:
        actual = {row["metric"]: row for row in cursor.execute("select * from metrics.catalog")}
    for name, definition in by_file().items():
        for key, value in definition.items():
            kept = actual[name]["metric" if key == "name" else key]
            assert kept == (value.strip() if isinstance(value, str) else value), (name, key)
    (folder / "no_show_rate.yaml").unlink()
    metrics.publish(warehouse, folder)
    left = {name for name, _ in _relations(warehouse)}
    assert "no_show_rate" not in left and "completion_rate" in left
    assert warehouse.execute(
        "select count(*) from metrics.catalog where metric = 'no_show_rate'"
    ).fetchone() == (0,)


def test_a_view_that_is_that_of_its_file_stays(warehouse, warehouse_url, folder):
    """To create it again waits for everybody who reads it."""
    metrics.publish(warehouse, folder)
    views = dict(_relations(warehouse))
    warehouse.execute("set lock_timeout = '2s'")
    with made_star.psycopg.connect(warehouse_url) as reader:
        reader.execute("select * from metrics.roll_up")
        metrics.publish(warehouse, folder)
    assert dict(_relations(warehouse)) == views
    _spoil(folder, "sum(fact_appointment.no_show_count)", "count(*)")
    metrics.publish(warehouse, folder)
    changed = dict(_relations(warehouse))
    assert changed.keys() == views.keys() and changed["no_show_rate"] != views["no_show_rate"]
    assert warehouse.execute(
        "select pg_get_viewdef('metrics.no_show_rate'::regclass) like '%count(*)%'"
    ).fetchone() == (True,)


@pytest.mark.parametrize(
    "by_hand",
    [
        "drop view metrics.no_show_rate cascade",
        "create view metrics.of_nobody as select 1 as number",
        "update metrics.catalog set view_digest = null where metric = 'no_show_rate'",
        "delete from metrics.catalog",
    ],
)
def test_views_that_are_not_those_of_the_files_are_made_again(warehouse, folder, by_hand):
    metrics.publish(warehouse, folder)
    views = dict(_relations(warehouse))
    warehouse.execute(by_hand)
    metrics.publish(warehouse, folder)
    assert dict(_relations(warehouse)).keys() == views.keys()
    assert dict(_relations(warehouse))["roll_up"] != views["roll_up"]


def test_every_example_of_the_catalog_runs_and_every_column_is_named_as_a_cut(warehouse):
    made_star.fill(warehouse, seed=3, facts=20)
    metrics.publish(warehouse)
    described = {row[0] for row in warehouse.execute("select dimension from metrics.dimension")}
    assert described == set(CUTS)
    for name, example, cuts, kind in warehouse.execute(
        "select metric, example, dimensions, kind from metrics.catalog"
    ).fetchall():
        answer = warehouse.execute(example)
        assert answer.description[1].name == name
        view = warehouse.execute(f"select * from metrics.{name} limit 0")
        measures = {
            "ratio": ["numerator", "denominator"],
            "share_of_members": ["member", "is_counted"],
            "median": ["value"],
        }.get(kind, ["numerator"])
        if "unknown" in by_file()[name]:
            measures = [*measures, "unknown_count"]
        assert [column.name for column in view.description] == [*cuts, *measures]


def test_a_question_about_one_metric_reads_only_its_fact(warehouse):
    metrics.publish(warehouse)
    plan = warehouse.execute(
        "explain select value from metrics.roll_up where metric = 'average_satisfaction'"
    ).fetchall()
    read = {line for (line,) in plan if " on fact_" in line or " on bridge_" in line}
    assert len(read) == 1 and "fact_survey" in next(iter(read))


def test_a_reader_without_rights_on_the_star_reads_no_metric(warehouse):
    """The views run as their reader: a grant on them alone opens nothing."""
    made_star.fill(warehouse, seed=4, facts=5)
    metrics.publish(warehouse)
    options = warehouse.execute(
        "select relname, reloptions from pg_class"
        " where relnamespace = 'metrics'::regnamespace and relkind = 'v'"
    ).fetchall()
    assert options and all(option == ["security_invoker=true"] for _, option in options)
    role = f"metr_reader_{random.randrange(10**9)}"
    warehouse.execute(f"create role {role}")
    try:
        warehouse.execute(f"grant usage on schema metrics, star to {role}")
        warehouse.execute(f"grant select on all tables in schema metrics to {role}")
        warehouse.execute(f"set role {role}")
        for name in METRICS:
            with pytest.raises(made_star.psycopg.errors.InsufficientPrivilege):
                warehouse.execute(f"select * from metrics.{name}")
    finally:
        warehouse.execute("reset role")
        warehouse.execute(f"drop owned by {role}")
        warehouse.execute(f"drop role {role}")


def test_what_became_of_appointments_adds_up_to_all_of_them(warehouse):
    """Each appointment of the clinics has one of four states."""
    made_star.fill(warehouse, seed=5)
    warehouse.execute(
        "update star.fact_appointment set completed_count = (hashtext(appointment_id) % 4 = 0)::int,"
        " cancelled_count = (hashtext(appointment_id) % 4 in (1, -1))::int,"
        " no_show_count = (hashtext(appointment_id) % 4 in (2, -2))::int,"
        " rescheduled_count = (hashtext(appointment_id) % 4 in (3, -3))::int"
    )
    metrics.publish(warehouse)
    rates = ("completion_rate", "cancellation_rate", "no_show_rate", "reschedule_rate")
    for _, whole in warehouse.execute(
        "select dimension || coalesce(member, ''), sum(value) from metrics.roll_up"
        " where metric = any(%s) group by 1",
        [list(rates)],
    ).fetchall():
        assert float(whole) == pytest.approx(1)
