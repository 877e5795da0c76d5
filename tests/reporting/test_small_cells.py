"""What a reader can derive from counts about others, given all that it knows."""

from __future__ import annotations

import itertools
import uuid
from collections import defaultdict
from datetime import date

import pytest
from hypothesis import Phase, given
from hypothesis import strategies as st
from tests.worlds.attacker import Attacker, Shown
from tests.worlds.client_world import client_file, roles_file
from tests.worlds.hospital_world import Hospital, database
from tests.worlds.properties import examples

from claimhouse import reporting, warehouse
from claimhouse.reporting import small_cells, suppression

SMALL = range(1, 11)
OTHERS = ("UnitedHealthcare", "Aetna", "Uninsured")
ECG, ECHO, DIALYSIS = "29303009", "40701008", "265764009"
SCREENING = "171207006"


@pytest.fixture(scope="module")
def world(server):
    """A hospital that tests may add to: what is expected is counted from it as it stands."""
    with database(server) as (address, owner):
        yield Hospital(owner, address, encounters=700)


class Reader:
    """A client of the test's own, insurer of Humana's members if nothing else is said."""

    def __init__(self, world, folder):
        self.world, self.folder = world, folder
        self.name = f"reader_{uuid.uuid4().hex[:8]}"
        self.roles = roles_file(folder / "roles.yml")

    def publish(self, reports=("member_encounters", "hospital_activity"), **entitlement):
        """Publish, as after a load, with these reports and rows in the client's file."""
        self.world.connection.execute(
            "update landing.batch set loaded_at = loaded_at + interval '1 hour'"
        )
        members = entitlement or {"payers": ["Humana"]}
        client_file(self.folder, self.name, ("hospital", members), reports=list(reports))
        reporting.publish(self.world.connection, self.folder, self.roles)

    def ask(self, question):
        """What the reader's login is answered."""
        with self.world.session(f"client_{self.name}__analyst") as session:
            return session.execute(question).fetchall()

    def activity(self):
        """What hospital_activity shows, by year."""
        years = defaultdict(dict)
        for year, quarter, specialty, patients, encounters, cost, is_hidden in self.ask(
            "select year, quarter, specialty, patients, encounters, total_claim_cost, is_hidden"
            " from reporting.hospital_activity"
        ):
            years[year][cell(quarter, specialty)] = Shown(
                patients, encounters, None if cost is None else float(cost), is_hidden
            )
        return years


@pytest.fixture
def reader(world, tmp_path):
    return Reader(world, tmp_path)


def cell(quarter, specialty):
    return tuple(() if value == "all" else (value,) for value in (quarter, specialty))


def truth(world, payers):
    """Patients and encounters by year and cell, of some payers, in plain Python."""
    found = defaultdict(lambda: defaultdict(list))
    for encounter in world.encounters:
        if encounter["payer"] in payers and not encounter["hospice"]:
            day = encounter["day"]
            quarter = f"{day.year}-Q{(day.month + 2) // 3}"
            for year in (str(day.year), "all"):
                for at in {quarter, "all"} if year != "all" else {"all"}:
                    for specialty in (encounter["specialty"], "all"):
                        found[year][cell(at, specialty)].append(encounter["patient_id"])
    return {
        year: {at: (len(set(ids)), len(ids)) for at, ids in cells.items()}
        for year, cells in found.items()
    }


def prices(world):
    """What an encounter of a specialty costs the reader's own members, at least and at most."""
    costs = defaultdict(list)
    for encounter in world.seen(world.encounters, "Humana"):
        for specialty in (encounter["specialty"], "all"):
            costs[specialty].append(float(encounter["cost"]))

    def price(at):
        known = costs[at[1][0] if at[1] else "all"]
        return min(known), max(known)

    return price


def treat(world, number, payer, day, code):
    """*number* new patients of a payer, treated on a day."""
    for _ in range(number):
        at = len(world.encounters) + 1_000
        world.treat(at, world.patient(at, payer), day, [code])


def test_a_reader_finds_no_small_count_of_others_by_subtracting_its_own_members(world, reader):
    reader.publish()
    others, own = truth(world, OTHERS), truth(world, ("Humana",))
    assert any(count in SMALL for cells in others.values() for count, _ in cells.values())
    for year, edition in reader.activity().items():
        for knows in ({}, {"price": prices(world)}, {"own": own.get(year, {})}):
            attacker = Attacker([edition], **knows)
            for at in edition:
                patients = others[year].get(at, (0, 0))[0]
                assert patients not in SMALL or not attacker.finds(0, at, patients), (year, at)


def test_two_months_tell_a_reader_no_small_count_and_no_small_growth_of_others(world, reader):
    """Its own members grow too, which it knows exactly."""
    reader.publish()
    january, before = reader.activity()["2025"], truth(world, OTHERS)["2025"]
    for day in (date(2025, 2, 3), date(2025, 5, 3), date(2025, 8, 3), date(2025, 11, 3)):
        treat(world, 20, "Aetna", day, DIALYSIS)
        treat(world, 20, "UnitedHealthcare", day, ECG)
        treat(world, 20, "UnitedHealthcare", day, SCREENING)
    treat(world, 5, "Aetna", date(2025, 6, 4), ECG)
    treat(world, 5, "UnitedHealthcare", date(2024, 6, 4), ECG)
    treat(world, 40, "Humana", date(2025, 11, 5), DIALYSIS)
    treat(world, 3, "Humana", date(2025, 8, 5), ECHO)
    reader.publish()
    february, after = reader.activity()["2025"], truth(world, OTHERS)["2025"]
    assert february[(), ()].patients > january[(), ()].patients
    own = truth(world, ("Humana",))["2025"]
    for knows in ({}, {"price": prices(world)}, {"own": own}):
        attacker = Attacker([january, february], grew=True, **knows)
        for number, (edition, counts) in enumerate(((january, before), (february, after))):
            for at in edition:
                assert counts[at][0] not in SMALL or not attacker.finds(number, at, counts[at][0])
        for at in january:
            gained = after[at][0] - before[at][0]
            assert gained not in SMALL or not attacker.finds_gain(1, at, gained), at


def test_a_closed_year_is_published_once(world, reader):
    """A late correction of one patient waits, whatever else it is loaded with."""
    reader.publish()
    closed, open_year = (reader.activity()[year] for year in ("2024", "2025"))
    treat(world, 1, "Aetna", date(2024, 5, 3), DIALYSIS)
    treat(world, 60, "Aetna", date(2024, 5, 4), ECG)
    treat(world, 60, "Aetna", date(2025, 11, 3), ECG)
    reader.publish()
    assert reader.activity()["2024"] == closed
    assert reader.activity()["2025"] != open_year


def test_a_year_is_open_until_three_months_into_the_next(world, reader):
    treat(world, 50, "Aetna", date(2026, 2, 20), ECG)
    reader.publish()
    open_year = reader.activity()["2025"]
    treat(world, 60, "Aetna", date(2025, 12, 30), ECG)
    reader.publish()
    closing = reader.activity()["2025"]
    assert closing != open_year


def test_a_count_table_is_counted_again_when_what_it_counts_has_changed(world, reader, monkeypatch):
    """A wrong number in what was counted before tells: a count finds that something has changed."""
    refresh, changed = small_cells.refresh, []
    monkeypatch.setattr(small_cells, "refresh", lambda *args: changed.extend(refresh(*args)))

    def is_counted(change="select", **entitlement):
        world.connection.execute(
            "update counts.hospital_activity_unsuppressed set encounters = -1 where client = %s",
            (reader.name,),
        )
        world.connection.execute(change)
        changed.clear()
        reader.publish(**entitlement)
        return changed == ["hospital_activity"]

    reader.publish()
    assert not is_counted()
    assert not is_counted("update star.fact_survey set satisfaction_score = 1")
    for change in (
        "update star.fact_encounter set total_claim_cost = total_claim_cost + 1000",
        "update star.dim_procedure set procedure_name = 'ECG' where procedure_name = 'Electrocardiogram'",
        "update landing.batch set loaded_at = loaded_at + interval '1 day'",
        "truncate star.fact_survey",
    ):
        assert is_counted(change), change
    assert is_counted(payers=["Humana", "Aetna"])


def test_what_a_reader_could_read_once_stays_outside_the_totals(world, reader):
    """It remembers the rows, and would subtract them."""
    reader.publish(reports=["member_encounters"], payers=["Aetna"])
    reader.publish()
    others = truth(world, ("UnitedHealthcare", "Uninsured"))
    shown_rows = [
        ((row.patients, row.encounters), others[year][at])
        for year, cells in reader.activity().items()
        for at, row in cells.items()
        if row.is_news
    ]
    assert shown_rows
    assert [row for row, _ in shown_rows] == [counts for _, counts in shown_rows]


def test_a_reader_of_a_specialty_finds_it_in_no_count_of_others(world, reader):
    """An encounter of which it sees a part is left out whole."""
    reader.publish(procedure_specialties=["dialysis"])
    known = {p["encounter_id"] for p in world.procedures if p["specialty"] == "dialysis"}
    rows = [
        encounter for encounter in world.encounters
        if encounter["encounter_id"] not in known
        and not encounter["hospice"] and encounter["day"].year == 2024
    ]  # fmt: skip
    assert reader.activity()["2024"][(), ()].encounters == len(rows)


def test_counts_of_the_uninsured_leave_out_a_clients_own_members_too(reader):
    reader.publish(reports=["member_encounters", "uninsured_by_place"], payers=["Uninsured"])
    assert reader.ask("select count(*) from reporting.member_encounters") != [(0,)]
    assert reader.ask("select count(*) from reporting.uninsured_by_place") == [(0,)]


def test_a_reader_of_two_counts_of_the_same_rows_is_refused(reader):
    """What one hides the other may show."""
    both = "hospital_activity and uninsured_by_place"
    with pytest.raises(small_cells.SmallCellsError, match=f"{reader.name} may read {both}"):
        reader.publish(reports=["hospital_activity", "uninsured_by_place"])


@pytest.mark.parametrize("relation", ["star.fact_encounter", "pg_temp.row_of_fact_encounter"])
def test_a_count_of_rows_that_its_reader_knows_is_refused(reader, monkeypatch, relation):
    """The server says what the SELECT reads, however it names it."""
    render = warehouse.sql

    def sql(path, **names):
        hides_it = f"with f as (select * from {relation}) select count(*) as patients from f"
        return hides_it if path.endswith("/counts") else render(path, **names)

    monkeypatch.setattr(warehouse, "sql", sql)
    with pytest.raises(small_cells.SmallCellsError, match=f"reads {relation}: a count table"):
        reader.publish()


@st.composite
def made_up_months(draw):
    """Two months of a made-up ward: who was treated in which quarter and for what, at what price."""
    quarters = [f"q{number}" for number in range(draw(st.integers(1, 3)))]
    specialties = [f"s{number}" for number in range(draw(st.integers(1, 3)))]
    leaves = [(quarter, specialty) for quarter in quarters for specialty in specialties]
    months, encounters = [], []
    for most in (25, draw(st.sampled_from((3, 25)))):
        for leaf in leaves:
            for _ in range(draw(st.integers(0, most))):
                # Often the same person, in one cell and in several.
                encounters.append((leaf, draw(st.integers(0, 40)), 100.0 + draw(st.integers(0, 3))))
        months.append(list(encounters))
    return months


def counted(encounters):
    """Patients, encounters and money of each cell of a made-up ward, totals included."""
    cells = defaultdict(list)
    for (quarter, specialty), patient, price in encounters:
        for at in itertools.product(((), (quarter,)), ((), (specialty,))):
            cells[at].append((patient, price))
    return {
        at: (len({patient for patient, _ in rows}), len(rows), sum(price for _, price in rows))
        for at, rows in cells.items()
    }


def shown(counts, hidden, before):
    """The edition a reader sees: a hidden cell shows what it showed before."""
    edition = {}
    for at, values in counts.items():
        if at not in hidden:
            edition[at] = Shown(*values)
        else:
            old = before.get(at, Shown(None, None))
            edition[at] = Shown(old.patients, old.encounters, old.money, is_hidden=True)
    return edition


@examples(20, phases=(Phase.explicit, Phase.generate))
@given(made_up_months())
def test_two_months_of_a_ward_tell_nothing_of_few_people(months):
    first, second = (counted(encounters) for encounters in months)
    patients = [{at: values[0] for at, values in counts.items()} for counts in (first, second)]
    hidden = suppression.suppress(patients[0])
    january = shown(first, hidden, {})
    published = {at: row.patients for at, row in january.items() if row.is_news}
    unclear = {at for at in published if first[at][0] == second[at][0] and first[at] != second[at]}
    hidden_now = suppression.suppress(
        patients[1], suppression.Version(patients[0], hidden), published, unclear
    )
    february = shown(second, hidden_now, january)
    attacker = Attacker([january, february], grew=True, price=lambda at: (100, 103))
    for number, (counts, cells) in enumerate(((first, hidden), (second, hidden_now))):
        for at in cells:
            patients = counts[at][0]
            assert patients not in SMALL or not attacker.finds(number, at, patients), (number, at)
    for at in first:
        patients, encounters = (second[at][place] - first[at][place] for place in (0, 1))
        if patients in SMALL:
            assert not attacker.finds_gain(1, at, patients), at
        elif patients == 0 and encounters:  # of how many people nobody has counted
            assert not attacker.finds_gain(1, at, encounters, "encounters"), at
