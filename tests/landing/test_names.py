"""What the names of files say about their order, and the places that deliveries get from it."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.worlds.properties import examples

from claimhouse.contracts import FileOrder
from claimhouse.contracts.dates import name_pattern
from claimhouse.landing import names, order
from claimhouse.landing.order import Delivery

pytestmark = pytest.mark.pure

UNDECLARED = FileOrder()
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

# Each pair is in the order that a person reads from the names.
IN_ORDER = [
    ("patients_Jan2026.csv", "patients_Feb2026.csv"),
    ("patients_Dec2025.csv", "patients_Jan2026.csv"),
    ("patients_9.csv", "patients_10.csv"),
    ("patients_12312025.csv", "patients_01012026.csv"),
    ("patients-12-31-2025.csv", "patients-1-2-2026.csv"),
    ("patients_2025-12-31.csv", "patients_2026-01-01.csv"),
    ("patients.2026.01.09.csv.gz", "patients.2026.01.10.csv.gz"),
    ("31dec2025 patients.xlsx", "01JAN2026 patients.xlsx"),
    ("patients December 2025.csv", "patients January 2026.csv"),
    ("Patients_FEB_2026.CSV", "patients_mar_2026.csv"),
    ("Q4_2025.csv", "Q1_2026.csv"),
    ("2025Q4.csv", "2026Q1.csv"),
    ("patients_202512.csv", "patients_202601.csv"),
    ("patients_122025.csv", "patients_012026.csv"),
    ("patients_31122025.csv", "patients_01012026.csv"),
    ("patients_20260101_2359.csv", "patients_20260102_0001.csv"),
    ("patients_20260101T080000Z.csv", "patients_20260101T093000Z.csv"),
    ("patients_2026-01-31.csv", "patients_2026-01-31_v2.csv"),
    ("patients_2026-01-31_v2.csv", "patients_2026-01-31_v10.csv"),
    ("patients.csv", "patients (1).csv"),
    ("patients (9).csv", "patients (10).csv"),
    ("patients_week52_2025.csv", "patients_week1_2026.csv"),
    ("patients_week9_2026.csv", "patients_week10_2026.csv"),
    ("patients_2025W52.csv", "patients_2026W01.csv"),
    ("12 patients 2025.csv", "1 patients 2026.csv"),
    ("batch_2_part_1.csv", "batch_2_part_2.csv"),
    ("batch_2_part_9.csv", "batch_10_part_1.csv"),
    ("part2_Jan2026.csv", "part1_Feb2026.csv"),
    ("claims_2025-12-01_2025-12-31.csv", "claims_2026-01-01_2026-01-31.csv"),
    ("patients_260109.csv", "patients_260110.csv"),
    ("2025-12/patients.csv", "2026-01/patients.csv"),
    ("in/Dec 2025/patients.csv", "in/Jan 2026/patients.csv"),
    ("claims 99999999999999999999.csv", "claims 100000000000000000000.csv"),
]
# Names that say nothing, or different things to different readers.
UNDECIDED = [
    ("north.csv", "south.csv"),
    ("patients.csv", "members.csv"),
    ("a/patients.csv", "b/patients.csv"),
    ("north_1.csv", "south_2.csv"),
    ("patients_01022026.csv", "patients_02012026.csv"),
    ("patients_Dec.csv", "patients_Jan.csv"),
    ("patients_2026-01.csv", "patients_2026-01-15.csv"),
    ("claims_123125.csv", "claims_010126.csv"),
    ("list.csv", "list.xlsx"),
]


@pytest.mark.parametrize(("older", "newer"), IN_ORDER)
def test_names_are_read_as_a_person_reads_them(older, newer):
    assert names.compare(older, newer) == 1
    assert names.compare(newer, older) == -1
    places = [place(newer), place(older)]
    assert sorted(places) == [place(older), place(newer)]


@pytest.mark.parametrize(("one", "other"), UNDECIDED)
def test_names_that_say_nothing_decide_nothing(one, other):
    assert names.compare(one, other) is None
    assert names.compare(other, one) is None


@given(some.lists(some.dates(date(2000, 1, 1), date(2050, 12, 31)), min_size=2, max_size=6))
@examples(100)
def test_however_dates_are_written_they_sort_like_dates(days):
    for form in ("%Y-%m-%d", "%Y%m%d", "%m%d%Y", "%m-%d-%Y", "%d%b%Y", "%b %d %Y", "%B_%d_%Y"):
        by_name = sorted(days, key=lambda day: place(f"patients_{day.strftime(form)}.csv"))
        assert by_name == sorted(days), form


@given(some.lists(some.integers(0, 10**30), min_size=2, max_size=6), some.booleans())
@examples(100)
def test_numbers_sort_like_numbers(numbers, padded):
    def name(number: int) -> str:
        return f"part-{number:0{40 if padded else 1}}.csv"

    assert sorted(numbers, key=lambda number: names.read(name(number)).values) == sorted(numbers)


@given(some.text(max_size=120), some.text(max_size=120))
@examples(300)
def test_any_name_has_a_place_and_two_names_one_order(one, other):
    assert names.compare(one, other) in (None, 1, -1)
    if names.compare(one, other):
        assert names.compare(one, other) == -names.compare(other, one)
    place(one).encode("utf-8", "surrogatepass")


def place(path, at=NOON, kind=UNDECLARED, number=1):
    """Its place in the order of its feed."""
    return order.place(kind, Delivery(number, path, at))


def test_arrival_decides_before_names_and_names_within_a_second():
    later = NOON + timedelta(seconds=2)
    assert place("patients_10.csv") < place("patients_9.csv", later)
    # cp and S3 tell no order within a second
    assert place("patients_9.csv", NOON + timedelta(milliseconds=900)) < place("patients_10.csv")
    # without a number or date in the names, what is left of the arrival does
    assert place("b.csv") < place("a.csv", NOON + timedelta(milliseconds=1))
    assert place("a.csv", number=2) < place("a.csv", number=10)


DATED = FileOrder("date", name_pattern("MMDDYYYY"), is_declared=True)
NUMBERED = FileOrder("number", is_declared=True)


def test_what_the_contract_declares_decides_before_arrival():
    late = NOON + timedelta(days=30)
    assert place("x_12312025.csv", late, DATED) < place("x_01012026.csv", NOON, DATED)
    assert place("x_9.csv", late, NUMBERED) < place("x_10.csv", NOON, NUMBERED)
    month = FileOrder("date", name_pattern("MonYYYY"), is_declared=True)
    assert place("dec2025.csv", late, month) < place("January2026.csv", NOON, month)
    second = FileOrder("number", r"_v(\d+)_", is_declared=True)
    assert place("x_v2_9.csv", late, second) < place("x_v10_1.csv", NOON, second)
    # the same day again: the later arrival
    assert place("x_01012026.csv", NOON, DATED) < place("x_01012026_b.csv", late, DATED)


def test_a_name_without_the_date_stands_on_its_day_of_arrival():
    assert order.lacks_date(DATED, "x.csv") and not order.lacks_date(DATED, "x_01012026.csv")
    assert place("x_02282026.csv", NOON, DATED) < place("x.csv", NOON, DATED)
    assert place("x.csv", NOON, DATED) < place("x_03022026.csv", NOON, DATED)


def test_a_name_without_the_number_has_no_place():
    for name in ("x.csv", "2026/x.csv", "x.7z"):
        assert order.lacks_number(NUMBERED, name)
        with pytest.raises(order.NoNumber):
            place(name, kind=NUMBERED)
    assert not order.lacks_number(NUMBERED, "x_7.csv")
    assert order.lacks_number(FileOrder("number", "(v?)x", is_declared=True), "x_7.csv")


def test_a_correction_stands_directly_after_what_it_corrects():
    corrected, following = place("x_1.csv"), place("x_2.csv")
    first = order.place_of_correction(corrected, Delivery(8, "batch1_row2_ab.csv", NOON))
    second = order.place_of_correction(
        corrected, Delivery(9, "batch1_row2_cd.csv", NOON + timedelta(days=9))
    )
    nested = order.place_of_correction(first, Delivery(10, "batch8_row2_ef.csv", NOON))
    assert corrected < first < nested < second < following


def test_a_time_that_no_file_can_have_arrived_at_is_not_believed():
    for impossible in (datetime(1970, 1, 1, tzinfo=UTC), NOON + timedelta(days=2)):
        assert order.credible(impossible, NOON) == NOON
    for possible in (datetime(2020, 1, 1, tzinfo=UTC), NOON + timedelta(hours=20)):
        assert order.credible(possible, NOON) == possible


def doubt(older, newer, apart=timedelta(days=1), kind=UNDECLARED):
    return order.doubt(kind, Delivery(1, older, NOON), Delivery(2, newer, NOON + apart))


def test_signals_that_contradict_each_other_or_do_not_tell_are_doubtful():
    for older, newer in IN_ORDER:
        assert doubt(older, newer) is None
        assert "names the opposite" in doubt(newer, older)
        assert doubt(newer, older, kind=FileOrder(is_declared=True)) is None
    for one, other in UNDECIDED:
        assert doubt(one, other) is None  # the arrivals tell
        assert doubt(one, other, timedelta(milliseconds=3)) is None
        assert "names do not tell" in doubt(one, other, timedelta())
    assert doubt("x.csv", "x.csv", timedelta()) is None


def test_files_of_a_fetch_are_ordered_by_the_day_asked_for():
    fetched = FileOrder("date", rf"^queue_{name_pattern('YYYY-MM-DD')}")
    late = NOON + timedelta(days=5)
    assert place("queue_2026-01-04.csv", late, fetched) < place(
        "queue_2026-01-05.csv", NOON, fetched
    )
    assert doubt("queue_2026-01-05.csv", "queue_2026-01-06.csv", -timedelta(3), fetched) is None
    # a file that somebody dropped stands on its day of arrival
    days = [f"queue_2026-0{month}-01.csv" for month in (2, 4)]
    assert (
        place(days[0], late, fetched)
        < place("queue.csv", NOON, fetched)
        < place(days[1], NOON, fetched)
    )


def test_places_do_not_depend_on_when_files_land():
    deliveries = [
        Delivery(number, f"patients_{number % 7}.csv", NOON + timedelta(seconds=number % 3))
        for number in range(40)
    ]
    places = [order.place(FileOrder(), delivery) for delivery in deliveries]
    assert len(set(places)) == len(places)
    shuffled = random.Random(1).sample(deliveries, len(deliveries))
    assert sorted(order.place(FileOrder(), delivery) for delivery in shuffled) == sorted(places)
