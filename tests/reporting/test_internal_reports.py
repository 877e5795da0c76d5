"""The reports of readers inside the house, read with their own roles, compared with plain Python."""

from __future__ import annotations

import csv
import itertools
import json
import random
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from local import embedded, samples
from local.samples import billing_exports, clinic
from local.samples.planting import write
from psycopg.rows import dict_row, tuple_row
from tests.conftest import TEMPLATE
from tests.metrics.test_metrics_feeds import newest
from tests.sources.pended.test_pended import CLEARED, DIRECTORY, INPATIENT, drop
from tests.worlds.client_world import MASTER_KEY, client_file, role_of
from tests.worlds.delivery_world import opened, sheet
from tests.worlds.feeds import take_in_all
from tests.worlds.properties import examples

from claimhouse import delivery, ingest, reporting, star
from claimhouse import settings as house
from claimhouse.dashboards import model
from claimhouse.dashboards.answer import Page
from claimhouse.dashboards.read import Reading
from claimhouse.dashboards.selection import Selection
from claimhouse.reporting import audiences, editions, metric_reports, readers, reports, tables

Row = dict[str, Any]


class House:
    """The sample files, loaded and published, with the roles file under names of this module's own."""

    def __init__(self, address: str, landing: Path, tag: str) -> None:
        self.address, self.landing, self.tag = address, landing, tag

    @property
    def clients(self) -> Path:
        """The folder of client files, which is empty."""
        return self.landing.parent / "clients"

    @property
    def roles(self) -> Path:
        """The roles file."""
        return self.landing.parent / "roles.yaml"

    @contextmanager
    def session(self, role: str) -> Iterator[psycopg.Connection[Any]]:
        """A session of its own, logged in as a person of *role*."""
        parts = urlsplit(self.address)
        with psycopg.connect(self.address) as owner:
            user = role_of(owner, f"staff_{role}_{self.tag}__desk")
        address = urlunsplit(parts._replace(netloc=f"{user}@"))
        with psycopg.connect(address, autocommit=True, row_factory=dict_row) as connection:
            yield connection

    def rows(self, role: str, view: str, *, where: str = "true") -> list[Row]:
        """What a person of *role* reads in the view."""
        with self.session(role) as session:
            query = f"select * from reporting.{view} where {where}"
            return session.execute(query.encode()).fetchall()


# --- three reports of a queue of 80 claims -------------------------------------------------------

DAYS = (date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 5))
NOTES = {  # a note, and the category of include/reference/pended_note_category.csv it falls into
    "add practitioner": "missing practitioner",
    "address": "address",
    "something else altogether": "misc",
}
GROUPS = {f"10000000{number:02}": f"Group {number % 3}" for number in range(7)}


@dataclass
class Pended:
    """A claim of the queue; it is in the reports of ``days``."""

    number: int
    received: date
    charge: int
    npi: str
    note: str
    days: list[date]
    cleared: date | None = None

    @property
    def claim_id(self) -> str:
        """Its number, of the fifteen digits a claim's has."""
        return str(900_000_000_000_000 + self.number)


def queue() -> list[Pended]:
    """The claims: some enter, some are cleared, some leave, the rest wait."""
    dice, claims = random.Random(3), []
    for number in range(80):
        days = list(DAYS)
        cleared = None
        if number % 5 == 1:
            days = days[1:]
        elif number % 5 == 2:
            days, cleared = days[:2], date(2026, 3, 4)
        elif number % 10 == 3:
            days = days[:1]
        received = DAYS[0] - timedelta(
            days=dice.choice([0, 9, 10, 21, 27, 28, 30, 31, 60, 61, 90, 91, 200])
        )
        claims.append(
            Pended(
                number, received, dice.randrange(100, 9000), dice.choice(list(GROUPS)),
                dice.choice(list(NOTES)), days, cleared,
            )
        )  # fmt: skip
    return claims


QUEUED = queue()
# The claims of the queue whose own claim is known, and what was paid on it.
BEHIND = {claim.claim_id: claim.number % 2 * 700 for claim in QUEUED[:12]}


def drop_pended(root: Path) -> None:
    """Write the queue's files."""
    for day in DAYS:
        lines = [
            f"{queued.claim_id},{queued.received},{queued.charge},{queued.npi},{queued.note}"
            for queued in QUEUED
            if day in queued.days
        ]
        drop(root, f"pend_queue_{day}.csv", *lines)
    cleared = [
        f"{queued.claim_id},{queued.received},{queued.cleared},{queued.note}"
        for queued in QUEUED
        if queued.cleared
    ]
    drop(root, "cleared_claims.csv", *cleared, header=CLEARED)
    directory = [
        f"{npi},{group},Alder{npi[-2:]},Ada,1 Mill Lane,,Bangor,ME" for npi, group in GROUPS.items()
    ]
    drop(root, "provider_directory.csv", *directory, header=DIRECTORY)
    behind = [
        f"00000000000000AA,{claim},1,20260101,20260103,2300HV,{paid}.00,1000000001,4019,,,,"
        for claim, paid in BEHIND.items()
    ]
    drop(root, "inpatient_claims.csv", *behind, header=INPATIENT)


# A list with a status of each claim, and one of the layouts that have none but days of payment.
CLAIM_FILES = ("claim_list.csv", "monthly/medical-claims-20260105.csv")


def loaded(root: Path, connection: psycopg.Connection[Any]) -> None:
    """The sample files of two sources, and the queue."""
    write(clinic.make(samples.SEED), root)
    some = billing_exports.make(samples.SEED)
    for name in some.files.keys() - set(CLAIM_FILES):
        del some.files[name]
    write(some, root)
    for source in ("clinic", "billing_exports"):
        ingest.run(source)
    # Past the checks: the files above have only the columns that the star reads.
    drop_pended(root)
    take_in_all("pended")
    connection.execute("update landing.batch set state = 'checked' where state = 'verified'")
    star.load_source("pended")


def roles_of(tag: str, file: Path) -> Path:
    """The roles file with a person in each role, and with names that no other test uses."""
    roles = yaml.safe_load((house.INCLUDE / "roles.yaml").read_text())["roles"]
    for role in roles:
        role["name"] += f"_{tag}"
        role["logins"] = ["desk"]
        if role["name"].startswith("pended_team"):
            role["subscriptions"] = [DAILY]
    # A role with an entitlement to a single feed.
    roles.append(
        {
            "name": f"clerk_{tag}",
            "title": "Clerk",
            "privacy_level": "identified",
            "schemas": [],
            "reports": [],
            "entitlements": [{"source_system": "clinic", "feeds": ["survey"]}],
            "logins": ["desk"],
        }
    )
    file.write_text(yaml.safe_dump({"roles": roles}, sort_keys=False))
    return file


DAILY = {
    "name": "daily_report", "report": "pended_daily", "format": "xlsx", "schedule": "0 7 * * 1-5",
    "time_zone": "America/New_York", "recipients": ["team@pended.example"], "transport": "attachment",
    "reason": "Work on pended claims",
}  # fmt: skip


@pytest.fixture(scope="module")
def inside(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One published warehouse for all tests of this module, which do not change it."""
    name, folder = f"i_{uuid.uuid4().hex[:12]}", tmp_path_factory.mktemp("inside")
    address = embedded.create_database(server, name, template=TEMPLATE)
    root, tag = folder / "landing", uuid.uuid4().hex[:4]
    root.mkdir()
    (folder / "clients").mkdir()
    key = json.dumps({"conn_type": "generic", "password": MASTER_KEY})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WAREHOUSE_URL", address)
        patch.setenv("CLAIMHOUSE_LANDING_ROOT", f"file://{root}")
        patch.setenv("CLAIMHOUSE_ARCHIVE_ROOT", f"file://{folder}/archive")
        patch.setenv("CLAIMHOUSE_CORRECTIONS_ROOT", f"file://{folder}/corrections")
        patch.setenv("AIRFLOW_CONN_CLAIMHOUSE_PSEUDONYM", key)
        with psycopg.connect(address, autocommit=True) as connection:
            loaded(root, connection)
            reporting.publish(connection, folder / "clients", roles_of(tag, folder / "roles.yaml"))
        yield House(address, root, tag)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'drop database "{name}" with (force)'.encode())


def each_cell(key: tuple[Any, ...], cells: int) -> Iterator[tuple[Any, ...]]:
    """The key itself, and with ``all`` in each of its last *cells* positions."""
    fixed, free = key[:-cells], key[-cells:]
    for chosen in range(2**cells):
        yield (*fixed, *("all" if chosen >> i & 1 else one for i, one in enumerate(free)))


# --- the clinics by quarter ----------------------------------------------------------------------

HOLIDAYS = {  # 5 U.S.C. 6103, in 2025
    date(2025, *day)
    for day in [(1, 1), (1, 20), (2, 17), (5, 26), (6, 19), (7, 4), (9, 1), (10, 13), (11, 11), (11, 27), (12, 25)]
}  # fmt: skip
COUNTS = (
    "appointments", "completed", "cancelled", "no_shows", "rescheduled", "visits", "billed_amount",
    "billed_visits", "visit_minutes", "timed_visits", "score_sum", "scores",
)  # fmt: skip
STATES = {"COMPLETED": 1, "CANCELLED": 2, "NO_SHOW": 3, "RESCHEDULED": 4}
RATIOS = {  # numerator, denominator, places
    "completion_rate": ("completed", "appointments", 6),
    "cancellation_rate": ("cancelled", "appointments", 6),
    "no_show_rate": ("no_shows", "appointments", 6),
    "reschedule_rate": ("rescheduled", "appointments", 6),
    "billed_per_visit": ("billed_amount", "billed_visits", 2),
    "average_minutes": ("visit_minutes", "timed_visits", 2),
    "average_satisfaction": ("score_sum", "scores", 3),
}


def clinic_of(spelling: str) -> str:
    """The clinic of one of the samples' spellings, by its first word."""
    first = spelling.split(maxsplit=1)[0].title()
    return "no clinic" if first == "Telehealth" else f"{first} Clinic"


def quarter_of(day: str) -> str:
    return f"{day[:4]}-Q{(int(day[5:7]) + 2) // 3}"


@pytest.fixture(scope="module")
def feeds(inside: House) -> dict[str, dict[Any, dict[str, str]]]:
    """The clinics' sample files, the newest row of each key; for patients the first state, valid all year."""
    folder = inside.landing / "clinic"
    found: dict[str, dict[Any, dict[str, str]]] = {
        feed: newest(folder, feed, key)
        for feed, key in (
            ("appointments", "appointment_id"), ("visits", "visit_id"),
            ("providers", "provider_id"), ("survey", "visit_id"),
        )
    }  # fmt: skip
    for feed, keys in (
        ("patients", ["patient_id"]),
        ("visit_providers", ["visit_id", "provider_id"]),
    ):
        found[feed] = {}
        for file in sorted(folder.glob(f"{feed}_2*"), reverse=feed == "patients"):
            with file.open(encoding="utf-8-sig", newline="") as came:
                found[feed] |= {
                    tuple(row[key] for key in keys): row for row in csv.DictReader(came)
                }
    return found


@pytest.fixture(scope="module")
def expected(
    feeds: dict[str, dict[Any, dict[str, str]]],
) -> dict[tuple[str, str, str], list[Decimal]]:
    """The sums of each quarter, clinic and payer type, totals included."""
    sums: dict[tuple[str, str, str], list[Decimal]] = defaultdict(
        lambda: [Decimal(0)] * len(COUNTS)
    )

    def add(row: dict[str, str], day: str, **values: Decimal | int) -> None:
        patient = feeds["patients"].get((row["patient_id"],), {})
        key = (
            quarter_of(day),
            clinic_of(row["clinic_location"]),
            patient.get("payer_type") or "unknown",
        )
        for cell in each_cell(key, 2):
            for name, value in values.items():
                sums[cell][COUNTS.index(name)] += value

    for row in feeds["appointments"].values():
        state = COUNTS[STATES[row["status"]]]
        add(row, row["scheduled_at"], appointments=1, **{state: 1})
    for key, row in feeds["visits"].items():
        billed, minutes = row["billed_amount"], row["visit_duration_minutes"]
        score = feeds["survey"].get(key, {}).get("satisfaction_score")
        add(
            row, row["visit_date"], visits=1,
            billed_amount=Decimal(billed or 0), billed_visits=bool(billed),
            visit_minutes=int(minutes or 0), timed_visits=bool(minutes),
            score_sum=int(score or 0), scores=bool(score),
        )  # fmt: skip
    return sums


def test_the_clinics_by_quarter_are_those_of_the_files(inside, expected):
    rows = inside.rows("clinic_operations", "clinic_performance")
    found = {
        (row["quarter"], row["clinic"], row["payer_type"]): [
            Decimal(row[count]) for count in COUNTS
        ]
        for row in rows
    }
    assert len(rows) == len(found) > 100
    assert found == dict(expected)
    for row in rows:
        for ratio, (numerator, denominator, places) in RATIOS.items():
            if row[denominator]:
                exact = Fraction(row[numerator]) / Fraction(row[denominator])
                assert abs(Fraction(row[ratio]) - exact) <= Fraction(1, 2 * 10**places)
            else:
                assert row[ratio] is None
        assert row["as_of"] is not None


def test_the_utilization_of_a_clinic_is_that_of_those_at_home_there(inside, feeds):
    days = [date.fromisoformat(row["scheduled_at"][:10]) for row in feeds["appointments"].values()]
    calendar = [min(days) + timedelta(days=day) for day in range((max(days) - min(days)).days + 1)]
    open_days = Counter(
        quarter_of(str(day)) for day in calendar if day.weekday() < 5 and day not in HOLIDAYS
    )
    named = {
        row["provider_id"]
        for feed in ("appointments", "visits", "visit_providers", "providers")
        for row in feeds[feed].values()
        if row["provider_id"]
    }
    home = {
        name: clinic_of(feeds["providers"][name]["home_clinic"]) if name in feeds["providers"] else "unknown"
        for name in named
    }  # fmt: skip
    used: Counter[tuple[str, str]] = Counter()
    listed = {visit for visit, _ in feeds["visit_providers"]}
    took_part = list(feeds["visit_providers"])
    took_part += [
        (key, row["provider_id"]) for key, row in feeds["visits"].items() if key not in listed
    ]
    for visit, provider in took_part:
        row = feeds["visits"].get(visit)
        if row and provider:
            for cell in each_cell((quarter_of(row["visit_date"]), home[provider]), 1):
                used[cell] += int(row["visit_duration_minutes"] or 0)
    people = Counter([*home.values(), *["all"] * len(home)])
    rows = inside.rows("clinic_operations", "clinic_performance")
    shown = [row for row in rows if row["available_minutes"] is not None]
    assert len(shown) > 8 and {row["payer_type"] for row in shown} == {"all"}
    for row in shown:
        quarter, place = row["quarter"], row["clinic"]
        assert row["available_minutes"] == people[place] * open_days[quarter] * 480
        assert row["provider_minutes"] == used[quarter, place]
        share = Fraction(row["provider_minutes"], row["available_minutes"])
        assert abs(Fraction(row["utilization"]) - share) < Fraction(1, 10**6)


# --- what drives a change ------------------------------------------------------------------------

Cells = dict[str, tuple[Fraction, Fraction]]


def effects(before: Cells, now: Cells) -> tuple[Fraction, dict[str, tuple[Fraction, Fraction]]]:
    """The change of a ratio, and the mix and the rate effect of each segment, in exact fractions."""
    wholes = [tuple(map(sum, zip(*cells.values(), strict=True))) for cells in (before, now)]
    whole_before, whole = (Fraction(part, of) for part, of in wholes)
    found = {}
    for cell in before.keys() | now.keys():
        (n0, d0), (n1, d1) = before.get(cell, (0, 0)), now.get(cell, (0, 0))
        s0, s1 = Fraction(d0) / wholes[0][1], Fraction(d1) / wholes[1][1]
        r0 = Fraction(n0) / d0 if d0 else Fraction(n1) / d1
        r1 = Fraction(n1) / d1 if d1 else r0
        found[cell] = (
            (s1 - s0) * ((r0 + r1) / 2 - (whole_before + whole) / 2),
            (s0 + s1) / 2 * (r1 - r0),
        )
    return whole - whole_before, found


def check_changes(rows: list[Row], cells: dict[tuple[str, str, str], Cells]) -> int:
    """Compare the report's rows with the exact effects; returns the number of changes."""
    groups: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["measure"], row["dimension"], row["quarter"]].append(row)
    for (measure, dimension, quarter), members in groups.items():
        before = cells[measure, dimension, members[0]["quarter_before"]]
        change, exact = effects(before, cells[measure, dimension, quarter])
        assert {row["member"] for row in members} == set(exact)
        # What is shown adds up to the last place shown.
        assert sum(row["effect"] for row in members) == members[0]["whole_change"]
        assert abs(Fraction(members[0]["whole_change"]) - change) < Fraction(1, 10**8)
        for row in members:
            assert row["effect"] == row["mix_effect"] + row["rate_effect"]
            mix, rate = exact[row["member"]]
            assert abs(Fraction(row["mix_effect"]) - mix) < Fraction(1, 10**7)
            assert abs(Fraction(row["rate_effect"]) - rate) < Fraction(1, 10**7)
    return len(groups)


def test_the_drivers_of_a_change_add_up_to_it(inside, expected):
    cells: dict[tuple[str, str, str], Cells] = defaultdict(dict)
    for (quarter, place, payer), sums in expected.items():
        if (place == "all") != (payer == "all"):
            dimension, member = ("clinic", place) if payer == "all" else ("payer_type", payer)
            for measure, (numerator, denominator, _) in RATIOS.items():
                part, of = (Fraction(sums[COUNTS.index(name)]) for name in (numerator, denominator))
                if of:
                    cells[measure, dimension, quarter][member] = (part, of)
    rows = inside.rows("clinic_operations", "clinic_performance_change")
    quarters = {quarter for quarter, _, _ in expected}
    assert check_changes(rows, cells) == (len(quarters) - 1) * len(RATIOS) * 2
    assert any(row["mix_effect"] for row in rows) and any(row["rate_effect"] for row in rows)


# Of up to four quarters in a row: for each clinic, how many appointments took place and how many did not.
SEGMENT = st.one_of(st.just((0, 0)), st.tuples(st.integers(0, 9), st.integers(0, 9)))
QUARTERS = st.lists(st.lists(SEGMENT, min_size=4, max_size=4), min_size=2, max_size=4)


def publish_clinics(connection, inside):
    """Publish what the open transaction has changed, within it."""
    everyone = readers.load_all(inside.clients, inside.roles)
    loaded_reports = reports.load_all({feed for reader in everyone for feed in reader.feeds})
    loaded_reports |= metric_reports.load_all(reader.metrics for reader in everyone)
    audience, _ = audiences.write(connection, audiences.of(everyone, loaded_reports))
    (clinics,) = (a for a in audience if "clinic_performance" in a.reports)
    (table,) = tables.create(connection, [loaded_reports["clinic_performance"]], [])
    editions._Work(connection, "clinic", None).publish(table, clinics)


@examples(12, suppress_health_check=list(HealthCheck))
@given(QUARTERS)
def test_the_drivers_of_any_change_add_up_to_it(inside, quarters):
    with psycopg.connect(inside.address, row_factory=dict_row) as connection:
        places = connection.execute(
            "select facility_key, facility_name from star.dim_facility where source_system = 'clinic'"
            " order by facility_key limit 4"
        ).fetchall()
        connection.execute(
            "truncate star.fact_appointment, star.fact_encounter, star.fact_survey, star.bridge_visit_provider"
        )
        cells: dict[tuple[str, str, str], Cells] = defaultdict(dict)
        for number, segments in enumerate(quarters):
            day = f"2025-{3 * number + 1:02}-15"
            for place, (came, stayed_away) in zip(places, segments, strict=True):
                if came + stayed_away:
                    key = "completion_rate", "clinic", quarter_of(day)
                    cells[key][place["facility_name"]] = (
                        Fraction(came),
                        Fraction(came + stayed_away),
                    )
                connection.execute(
                    "insert into star.fact_appointment (source_system, appointment_id, patient_key, provider_key,"
                    " facility_key, appointment_profile_key, service_date_key, completed_count, cancelled_count,"
                    " no_show_count, rescheduled_count, batch_id, row_number)"
                    " select 'clinic', %(id)s || n, -1, -1, %(place)s, -1, %(day)s,"
                    " (n <= %(came)s)::integer, 0, (n > %(came)s)::integer, 0, 1, n"
                    " from generate_series(1, %(all)s) as n",
                    {
                        "id": f"{number}.{place['facility_key']}.", "place": place["facility_key"],
                        "day": int(day.replace("-", "")), "came": came, "all": came + stayed_away,
                    },
                )  # fmt: skip
        publish_clinics(connection, inside)
        role = role_of(connection, f"staff_clinic_operations_{inside.tag}")
        connection.execute(f"set local role {role}".encode())
        rows = connection.execute(
            "select * from reporting.clinic_performance_change"
            " where measure = 'completion_rate' and dimension = 'clinic'"
        ).fetchall()
        connection.rollback()
    present = [any(map(sum, segments)) for segments in quarters]
    pairs = sum(earlier and later for earlier, later in itertools.pairwise(present))
    assert check_changes(rows, cells) == pairs


# --- what changed, in words ----------------------------------------------------------------------

WORDS = {  # title, form, better
    "completion_rate": ("Completion rate", "points", 1),
    "cancellation_rate": ("Cancellation rate", "points", -1),
    "no_show_rate": ("No-show rate", "points", -1),
    "reschedule_rate": ("Reschedule rate", "points", -1),
    "billed_per_visit": ("Billed per visit", "dollars", 0),
    "average_minutes": ("Average length of a visit", "minutes", 0),
    "average_satisfaction": ("Average satisfaction", "score", 1),
}
MINUS = "\N{MINUS SIGN}"
UNITS = {"points": " points", "minutes": " minutes"}


def scaled(number: Fraction, form: str) -> Decimal:
    """As it is written, half away from zero."""
    exact = number * 100 if form == "points" else number
    step = Decimal("0.1") if form in UNITS else Decimal("0.01")
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(step, ROUND_HALF_UP)


def written(number: Fraction, form: str, sign: str = "", unit: str = "") -> str:
    return f"{sign}{'$' if form == 'dollars' else ''}{abs(scaled(number, form)):,}{unit}"


def in_words(measure: str, dimension: str, before: Cells, now: Cells) -> str:
    """The sentence about a change."""
    title, form, _ = WORDS[measure]
    change, exact = effects(before, now)
    old, new = (
        Fraction(sum(n for n, _ in cells.values()), sum(d for _, d in cells.values())) for cells in (before, now)
    )  # fmt: skip
    unit = {"points": " %"}.get(form, UNITS.get(form, ""))
    texts = [written(number, form, unit=unit) for number in (old, new)]
    if scaled(change, form):
        how = "rose" if change > 0 else "fell"
        by = written(change, form, unit=UNITS.get(form, ""))
        told = f"{title} {how} {by}, from {texts[0]} to {texts[1]}"
    else:
        told = f"{title} did not change: {texts[1]}"
    own = "own rate" if form == "points" else "own average"
    names = {
        "no clinic": "care outside the clinics",
        "unknown": f"an unknown {dimension.replace('_', ' ')}",
    }
    first = sorted(exact.items(), key=lambda item: (-abs(item[1][1]), item[0]))
    parts = [(rate, names.get(member, f"{member}'s {own}")) for member, (_, rate) in first[:2]]
    parts += [(sum(rate for _, (_, rate) in first[2:]), "the others")]
    parts += [(sum(mix for mix, _ in exact.values()), "mix")]
    drivers = [
        f"{written(effect, form, '+' if effect > 0 else MINUS)} from {name}"
        for effect, name in parts
        if scaled(Fraction(effect), form)
    ]
    return told + (": " + ", ".join(drivers) if drivers else "") + "."


def test_each_change_is_told_with_what_drove_it(inside, expected):
    cells: dict[tuple[str, str, str], Cells] = defaultdict(dict)
    for (quarter, place, payer), sums in expected.items():
        if (place == "all") != (payer == "all"):
            dimension, member = ("clinic", place) if payer == "all" else ("payer_type", payer)
            for measure, (numerator, denominator, _) in RATIOS.items():
                part, of = (Fraction(sums[COUNTS.index(name)]) for name in (numerator, denominator))
                if of:
                    cells[measure, dimension, quarter][member] = (part, of)
    rows = inside.rows("clinic_operations", "clinic_changes")
    quarters = sorted({quarter for quarter, _, _ in expected})
    assert len(rows) == (len(quarters) - 1) * len(RATIOS) * 2
    by_quarter: dict[tuple[str, str], list[tuple[int, Fraction]]] = defaultdict(list)
    for row in rows:
        key = row["measure"], row["dimension"]
        before, now = cells[*key, row["quarter_before"]], cells[*key, row["quarter"]]
        assert row["sentence"] == in_words(*key, before, now)
        change, _ = effects(before, now)
        better = WORDS[row["measure"]][2] * scaled(change, WORDS[row["measure"]][1])
        if not scaled(change, WORDS[row["measure"]][1]):
            assert row["verdict"] == "unchanged"
        else:
            assert row["verdict"] == ("better" if better > 0 else "worse" if better else "neither")
        whole = Fraction(sum(n for n, _ in before.values()), sum(d for _, d in before.values()))
        by_quarter[row["quarter"], row["dimension"]].append((row["position"], abs(change / whole)))
    for places in by_quarter.values():
        sizes = [size for _, size in sorted(places)]
        assert sizes == sorted(sizes, reverse=True) and len(sizes) == len(RATIOS)
    assert any("from mix" in row["sentence"] for row in rows)


def test_the_newest_quarter_is_one_that_is_over(inside, feeds):
    newest_visit = max(
        date.fromisoformat(row["visit_date"][:10]) for row in feeds["visits"].values()
    )
    over = [
        f"{year}-Q{quarter}"
        for year in (2024, 2025, 2026)
        for quarter in (1, 2, 3, 4)
        if date(year + quarter // 4, quarter * 3 % 12 + 1, 1) - timedelta(days=7) <= newest_visit
    ]
    for view in ("clinic_performance", "clinic_performance_change", "clinic_changes"):
        rows = inside.rows("clinic_operations", view)
        assert {row["quarter"] for row in rows if row["is_newest"]} == {over[-1]}


def test_patients_at_risk_are_counted_by_their_clinic(inside, feeds):
    came: dict[str, list[tuple[str, str, str, str]]] = defaultdict(list)
    for name, row in feeds["appointments"].items():
        if row["patient_id"]:
            came[row["patient_id"]].append(
                (row["scheduled_at"], name, row["status"], row["clinic_location"])
            )
    scores: dict[str, list[tuple[str, str, int, str]]] = defaultdict(list)
    for name, row in feeds["survey"].items():
        visit = feeds["visits"][name]
        if visit["patient_id"] and row["satisfaction_score"]:
            scores[visit["patient_id"]].append(
                (
                    visit["visit_date"],
                    name,
                    int(row["satisfaction_score"]),
                    visit["clinic_location"],
                )
            )
    newest_type: dict[str, str] = {}
    for file in sorted((inside.landing / "clinic").glob("patients_2*")):
        with file.open(encoding="utf-8-sig", newline="") as lines:
            newest_type |= {row["patient_id"]: row["payer_type"] for row in csv.DictReader(lines)}
    counted: dict[tuple[str | None, str | None], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for patient in came.keys() | scores.keys():
        last = sorted(came[patient])[-2:]
        answer = max(scores[patient], default=None)
        clinic = clinic_of(last[-1][3] if last else answer[3])
        place = None if clinic == "no clinic" else clinic
        missed = [status for _, _, status, _ in last] == ["NO_SHOW", "NO_SHOW"]
        unhappy = answer is not None and answer[2] <= 2
        flags = (True, missed or unhappy, missed, unhappy)
        cell = counted[place, newest_type.get(patient) or None]
        counted[place, newest_type.get(patient) or None] = [
            sum(pair) for pair in zip(cell, flags, strict=True)
        ]
    rows = inside.rows("clinic_operations", "clinic_patients_at_risk")
    assert {
        (row["clinic"], row["payer_type"]): [
            row["patients"], row["patients_at_risk"], row["missed_last_two"], row["low_last_score"]
        ]
        for row in rows
    } == dict(counted)  # fmt: skip
    assert sum(row["patients_at_risk"] for row in rows) > 20


# --- claims --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def claim_list(inside: House) -> dict[str, dict[str, str]]:
    """The claims of the list that comes as csv."""
    with (inside.landing / "billing_exports" / "claim_list.csv").open(newline="") as came:
        return {row["Claim ID"].strip(): row for row in csv.DictReader(came)}


def money(text: str) -> Decimal | None:
    return Decimal(text.replace("$", "").replace(",", "")) if text.strip() else None


def test_claims_by_their_key_fields_add_up_to_the_file(inside, claim_list):
    found: dict[str, list[Any]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in inside.rows("revenue_cycle", "claims_by_key_fields"):
        assert row["as_of"] is not None
        if row["claim_status"] != "unknown":
            sums = found[row["claim_status"]]
            sums[0] += row["claims"]
            for place, name in enumerate(("billed_amount", "allowed_amount", "paid_amount"), 1):
                sums[place] += row[name] or 0
            denied, decided = row["claim_status"] == "denied", row["claim_status"] != "under review"
            assert row["denied_claims"] == row["claims"] * denied
            assert row["decided_claims"] == row["claims"] * decided
    expected: dict[str, list[Any]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in claim_list.values():
        sums = expected[row["Claim Status"].strip().lower()]
        sums[0] += 1
        for place, name in enumerate(("Billed Amount", "Allowed Amount", "Paid Amount"), 1):
            sums[place] += money(row[name]) or 0
    assert dict(found) == dict(expected) and len(found) == 3


def test_each_claim_is_shown_as_the_file_has_it(inside, claim_list):
    rows = inside.rows("financial_analyst", "claims_one_by_one")
    assert len({(row["source_system"], row["claim_id"]) for row in rows}) == len(rows)
    assert not {"patient_id", "first_name", "last_name", "city", "birth_date"} & rows[0].keys()
    found = {row["claim_id"]: row for row in rows if row["claim_id"] in claim_list}
    assert found.keys() == claim_list.keys()
    for name, row in claim_list.items():
        month, day, year = map(int, row["Date of Service"].split("/"))
        shown = found[name]
        assert (shown["billed_amount"], shown["allowed_amount"], shown["paid_amount"]) == tuple(
            money(row[column]) for column in ("Billed Amount", "Allowed Amount", "Paid Amount")
        )
        assert shown["service_date"] == date(year, month, day)
        assert shown["claim_status"] == row["Claim Status"].strip().lower()
        assert (shown["plan_type"] or "") == row["Insurance Type"].strip()
        assert (shown["procedure_id"] or "") == row["Procedure Code"].strip()
        assert (shown["diagnosis_id"] or "") == row["Diagnosis Code"].strip()
        assert (shown["status_reason"] or "") == row["Reason Code"].strip()
    # Days to payment are those of the metric.
    timed = [row for row in rows if row["days_to_payment"] is not None]
    metric = inside.rows("financial_analyst", "metric_days_to_payment")
    of_grain = [row for row in metric if row["cuts"] == "service_month, claim_type, plan_type"]
    assert sum(row["denominator"] for row in of_grain) == len(timed) > 0
    assert sum(row["numerator"] for row in of_grain) == sum(row["days_to_payment"] for row in timed)


def test_each_filter_of_claims_has_a_metric_by_month(inside):
    filters = {
        "payer", "provider_id", "provider_specialty", "procedure_specialty", "procedure_id",
        "diagnosis_id", "facility", "claim_type", "plan_type",
    }  # fmt: skip
    volume = inside.rows("administrator", "metric_claims_volume")
    rate = inside.rows("administrator", "metric_approval_rate")
    for rows, wanted in ((volume, {*filters, "claim_status"}), (rate, filters)):
        by_grain: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            by_grain[row["cuts"]].append(row)
        by_month = [set(cuts.split(", ")) for cuts in by_grain if "service_month" in cuts]
        assert wanted <= set.union(*by_month)
        # Each grain is the same whole.
        sums = {(sum(r["numerator"] for r in grain)) for grain in by_grain.values()}
        assert len(sums) == 1


def test_claims_to_handle_have_their_reasons(inside, claim_list):
    rows = inside.rows("revenue_cycle", "claims_to_handle")
    assert len({(row["source_system"], row["claim_id"]) for row in rows}) == len(rows)
    with psycopg.connect(inside.address) as connection:
        tables = connection.execute(
            "select table_name, column_name from information_schema.columns where table_schema ="
            " 'source_billing_exports' and column_name in ('service_date', 'paid_date') and table_name in"
            " (select feed from landing.batch where source_system = 'billing_exports')"
        ).fetchall()
        days = [
            connection.execute(f"select max({column}) from source_billing_exports.{table}".encode()).fetchone()
            for table, column in tables
        ]  # fmt: skip
    newest_day = max(day[0] for day in days if day and day[0])
    found = {row["claim_id"]: row for row in rows if row["source_system"] == "billing_exports"}
    assert {row["as_of_day"] for row in found.values()} == {newest_day}
    expected = {}
    for name, row in claim_list.items():
        status = row["Claim Status"].strip().lower()
        month, day, year = map(int, row["Date of Service"].split("/"))
        age = (newest_day - date(year, month, day)).days
        paid, allowed = money(row["Paid Amount"]), money(row["Allowed Amount"])
        why = ["denied"] if status == "denied" else []
        if status != "denied" and paid is not None and allowed is not None and paid < allowed:
            why += ["underpaid"] if paid > 0 or status == "paid" else []
        if status == "under review" and age > 30:
            why += ["unpaid"] if paid is not None and paid <= 0 else []
            why += ["pended"]
        if why:
            expected[name] = ", ".join(why)
    assert {name: row["reasons"] for name, row in found.items() if name in claim_list} == expected
    assert len(set(expected.values())) > 2


def test_claims_too_long_in_the_queue_need_handling(inside):
    rows = inside.rows("administrator", "claims_to_handle", where="source_system = 'pended'")
    found = {row["claim_id"]: row["reasons"] for row in rows}
    expected = {}
    for queued in QUEUED:
        waits = DAYS[-1] in queued.days and (DAYS[-1] - queued.received).days > 30
        # The claim behind is of 1 January: no payment in 63 days.
        unpaid = BEHIND.get(queued.claim_id) == 0
        why = ", ".join(["unpaid"] * unpaid + ["pended"] * waits)
        expected |= {queued.claim_id: why} if why else {}
    assert found == expected
    assert {row["as_of_day"] for row in rows} == {DAYS[-1]}


# --- the pend queue ------------------------------------------------------------------------------

BUCKETS = (
    (9, "0-9"), (20, "10-20"), (25, "21-25"), (30, "26-30"), (44, "31-44"), (60, "45-60"), (90, "61-90"),
)  # fmt: skip


def bucket_of(age: int) -> str:
    return next((name for last, name in BUCKETS if age <= last), "over 90")


def on(day: date) -> list[tuple[Pended, int]]:
    """The claims of a report, with their age."""
    return [(queued, (day - queued.received).days) for queued in QUEUED if day in queued.days]


def test_the_daily_report_of_the_queue(inside):
    rows = inside.rows("pended_team", "pended_daily")
    found = {row["report_date"]: row for row in rows}
    assert sorted(found) == list(DAYS) and len(rows) == len(DAYS)
    for number, day in enumerate(DAYS):
        row, claims = found[day], on(day)
        old = [(queued, age) for queued, age in claims if age > 30]
        before = DAYS[number - 1] if number else None
        gone = [queued for queued in QUEUED if before in queued.days and day not in queued.days]
        came = [
            queued
            for queued in QUEUED
            if before and before not in queued.days and day in queued.days
        ]
        assert (row["claims"], row["dollars"]) == (
            len(claims),
            sum(queued.charge for queued, _ in claims),
        )
        assert (row["claims_over_30_days"], row["dollars_over_30_days"]) == (
            len(old),
            sum(queued.charge for queued, _ in old),
        )
        assert row["claims_to_30_days"] == len(claims) - len(old)
        assert row["oldest_days"] == max(age for _, age in claims)
        assert row["entered"] == len(came)
        assert row["cleared"] == sum(queued.cleared is not None for queued in gone)
        assert row["left_uncleared"] == sum(queued.cleared is None for queued in gone)
        assert row["dollars_gone"] == sum(queued.charge for queued in gone)
        assert row["is_newest"] == (day == DAYS[-1])
    assert {row["as_of"] for row in rows} != {None}


def test_the_queue_by_age_and_by_category(inside):
    names = [name for _, name in BUCKETS] + ["over 90"]
    by_age = inside.rows("pended_team", "pended_by_age")
    by_category = inside.rows("pended_team", "pended_by_category")
    for day in DAYS:
        ages: Counter[str] = Counter()
        dollars: Counter[str] = Counter()
        categories: Counter[str] = Counter()
        for queued, age in on(day):
            ages[bucket_of(age)] += 1
            dollars[bucket_of(age)] += queued.charge
            categories[NOTES[queued.note]] += 1
        found = {row["age_bucket"]: row for row in by_age if row["report_date"] == day}
        assert {name: row["claims"] for name, row in found.items()} == dict(ages)
        for name, row in found.items():
            younger = names[: names.index(name) + 1]
            assert row["claims_up_to"] == sum(ages[bucket] for bucket in younger)
            assert row["dollars_up_to"] == sum(dollars[bucket] for bucket in younger)
            assert float(row["percent_of_claims"]) == pytest.approx(
                100 * ages[name] / len(on(day)), abs=0.051
            )
        listed = {
            row["note_category"]: row["claims"] for row in by_category if row["report_date"] == day
        }
        assert listed == dict(categories)


def test_the_top_of_the_queue(inside):
    oldest = inside.rows("pended_team", "pended_oldest")
    tops = {
        "pended_groups": ("provider_group", lambda queued: GROUPS[queued.npi]),
        "pended_practitioners": ("npi", lambda queued: queued.npi),
        "pended_facilities": (
            "facility_id",
            lambda queued: "2300HV" if queued.claim_id in BEHIND else "unknown",
        ),
    }
    for day in DAYS:
        wanted = sorted(on(day), key=lambda pair: (-pair[1], -pair[0].charge, pair[0].claim_id))[
            :30
        ]
        shown = sorted(
            (row for row in oldest if row["report_date"] == day), key=lambda row: row["position"]
        )
        assert [row["claim_id"] for row in shown] == [queued.claim_id for queued, _ in wanted]
        assert [row["position"] for row in shown] == list(range(1, 31))
    for view, (column, member) in tops.items():
        rows = inside.rows("pended_team", view)
        for day in DAYS:
            sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
            for queued, _ in on(day):
                sums[member(queued)][0] += 1
                sums[member(queued)][1] += queued.charge
            wanted = sorted(sums.items(), key=lambda item: (-item[1][0], -item[1][1], item[0]))
            shown = sorted(
                (row for row in rows if row["report_date"] == day), key=lambda row: row["position"]
            )
            assert [(row[column], [row["claims"], row["dollars"]]) for row in shown] == wanted


def test_what_entered_and_left_the_queue(inside):
    found = {
        (row["report_date"], row["movement"], row["claim_id"])
        for row in inside.rows("pended_team", "pended_movement")
    }
    expected = set()
    for queued in QUEUED:
        for before, day in itertools.pairwise(DAYS):
            if before in queued.days and day not in queued.days:
                expected.add((day, "cleared" if queued.cleared else "left", queued.claim_id))
            if before not in queued.days and day in queued.days:
                expected.add((day, "entered", queued.claim_id))
    assert found == expected and {movement for _, movement, _ in found} == {
        "entered",
        "cleared",
        "left",
    }


# --- who reads what ------------------------------------------------------------------------------


def test_senior_management_reads_clinics_and_pended_claims_in_detail(inside, feeds):
    appointments = inside.rows("senior_management", "identified_appointments")
    assert {row["appointment_id"] for row in appointments} == set(feeds["appointments"])
    assert {row["encounter_id"] for row in appointments if row["encounter_id"]} == {
        key
        for key, row in feeds["visits"].items()
        if row["appointment_id"] in feeds["appointments"]
    }
    surveys = inside.rows("senior_management", "identified_surveys")
    assert {row["encounter_id"]: row["satisfaction_score"] for row in surveys} == {
        key: int(row["satisfaction_score"]) for key, row in feeds["survey"].items()
    }
    pended = inside.rows("senior_management", "identified_pended_claims")
    assert {(row["claim_id"], row["total_charge"]) for row in pended} == {
        (queued.claim_id, queued.charge) for queued in QUEUED
    }


def test_an_employee_reads_the_accepted_rows_of_its_feed(inside, feeds):
    rows = inside.rows("clerk", "raw_clinic_survey")
    assert sorted((row["visit_id"], str(row["satisfaction_score"])) for row in rows) == sorted(
        (key, row["satisfaction_score"]) for key, row in feeds["survey"].items()
    )
    assert {row["as_of"] for row in rows} != {None}


def test_each_role_reads_the_reports_its_file_lists_and_no_others(inside):
    roles = yaml.safe_load((inside.landing.parent / "roles.yaml").read_text())["roles"]
    with psycopg.connect(inside.address) as connection:
        views = {
            name
            for (name,) in connection.execute(
                "select relname from pg_class where relnamespace = 'reporting'::regnamespace"
            )
        }
    refused = 0
    for role in roles:
        feeds = [
            (entitlement["source_system"], feed)
            for entitlement in role["entitlements"]
            for feed in entitlement.get("feeds", [])
        ]
        listed = {f"metric_{name}" for entry in role.get("metrics", []) for name in entry["names"]}
        own = {*role["reports"], *(f"raw_{source}_{feed}" for source, feed in feeds), *listed}
        own |= {"metric_catalog"} if listed else set()
        with inside.session(role["name"].removesuffix(f"_{inside.tag}")) as session:
            for view in views:
                query = f"select * from reporting.{view} limit 0".encode()
                if view in own:
                    session.execute(query)
                else:
                    refused += 1
                    with pytest.raises(psycopg.errors.InsufficientPrivilege):
                        session.execute(query)
    assert refused > 100


@pytest.mark.parametrize(
    "report", ["claims_one_by_one", "claims_to_handle", "pended_oldest", "pended_movement"]
)
def test_claim_numbers_stay_inside_the_house(tmp_path, report):
    client_file(tmp_path, "acme", ("pended", {"payers": ["Humana"]}), reports=[report])
    with pytest.raises(reporting.ReaderError, match="only roles inside the house"):
        readers.load_all(tmp_path)


def test_every_report_of_a_role_describes_its_columns_and_has_as_of(inside):
    with psycopg.connect(inside.address) as connection:
        reports = {
            report
            for (report,) in connection.execute(
                "select unnest(reports) from security.client where is_internal"
            )
            if not report.startswith("raw_")
        }
        missing = connection.execute(
            "select c.relname || '.' || a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid"
            " where c.relnamespace = 'reporting'::regnamespace and c.relname = any(%s) and a.attnum > 0"
            " and col_description(c.oid, a.attnum) is null",
            (list(reports),),
        ).fetchall()
        fresh = connection.execute(
            "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid"
            " where c.relnamespace = 'reporting'::regnamespace and a.attname = 'as_of'"
        ).fetchall()
    assert missing == []
    assert reports <= {name for (name,) in fresh}


def test_the_daily_report_of_the_queue_goes_to_the_team_by_mail(inside, tmp_path, monkeypatch):
    monkeypatch.setenv("WAREHOUSE_URL", inside.address)
    monkeypatch.setenv("CLAIMHOUSE_EXTRACT_FOLDER", str(tmp_path))
    name = f"AIRFLOW_CONN_CLAIMHOUSE_EXTRACT_PENDED_TEAM_{inside.tag}".upper()
    monkeypatch.setenv(name, json.dumps({"conn_type": "generic", "password": "a long password"}))
    subscription = f"pended_team_{inside.tag}.daily_report"
    # Monday 9 March 2026, 07:00 in New York
    noon = datetime(2026, 3, 9, 12, tzinfo=UTC)
    assert subscription in delivery.due(noon)
    delivery.prepare(subscription, noon)
    (file,) = tmp_path.iterdir()
    rows = sheet(opened(file.read_bytes(), "a long password"), "Rows")
    assert [row[0][:10] for row in rows[1:]] == [str(day) for day in reversed(DAYS)]


def test_a_subscription_of_a_role_to_a_report_it_may_not_read_is_refused(tmp_path):
    role = {
        "name": "team", "title": "Team", "privacy_level": "limited", "schemas": [], "reports": [],
        "entitlements": [], "logins": [], "subscriptions": [DAILY],
    }  # fmt: skip
    file = tmp_path / "roles.yaml"
    file.write_text(yaml.safe_dump({"roles": [role]}, sort_keys=False))
    with pytest.raises(
        readers.ReaderError, match=r"subscriptions\.0\.report: not among this reader's reports"
    ):
        readers.load_roles(file)
    role["subscriptions"] = [DAILY | {"cadence": "0 7 * * *"}]
    file.write_text(yaml.safe_dump({"roles": [role]}, sort_keys=False))
    with pytest.raises(readers.ReaderError, match="cadence: unknown key"):
        readers.load_roles(file)


# --- the dashboards of the house -----------------------------------------------------------------

BOARDS = [
    ("claims_analytics", "revenue_cycle"), ("claims_analytics", "administrator"), ("pended_queue", "pended_team"),
    ("clinic_operations", "clinic_operations"), ("senior_management", "senior_management"),
    ("pipeline_health", "operations"),
]  # fmt: skip


# A cut by one of these and another would have about as many rows as there are claims.
ONE_OF_MANY = {"provider_id", "procedure_id", "diagnosis_id"}


@pytest.mark.parametrize(("name", "role"), BOARDS)
def test_every_tile_can_be_shown_whatever_one_filter_says(inside, name, role):
    people = {
        reader.name.removesuffix(f"_{inside.tag}"): reader
        for reader in readers.load_all(inside.clients, inside.roles)
    }
    board = model.load(house.INCLUDE / "dashboards" / f"{name}.yaml", people)

    def page(chosen: Selection) -> Page:
        with inside.session(role) as session, session.transaction():
            session.row_factory = tuple_row
            return Reading(session, people[role], None, board, chosen).page()

    first = page(Selection())
    assert {tile: answer.problem for tile, answer in first.answers.items() if answer.problem} == {}
    # The first row answers the question: it has numbers.
    if role not in ("senior_management", "operations"):
        for tile in board.rows[0]:
            assert not first.answers[tile.name].is_empty, tile.title
    tried = 0
    for entry in board.filters:
        if entry.kind == "choice":
            chosen = [
                Selection(choices={entry.field: (choice.value,)})
                for choice in first.choices[entry.field][:1]
            ]
        else:
            least, most = first.ends[entry.field]
            chosen = [Selection(ranges={entry.field: (str(least), str(most))})] if least else []
        for selection in chosen:
            tried += 1
            answers = page(selection).answers
            shown = (
                answers if entry.field not in ONE_OF_MANY else [tile.name for tile in board.rows[0]]
            )
            problems = {tile: answers[tile].problem for tile in shown if answers[tile].problem}
            assert problems == {}, entry.field
    assert tried >= (1 if role == "operations" else 3)
