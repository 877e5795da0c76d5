"""The sample feeds of billing: an initial load, and three days of new and changed records.

All people are invented: names, streets and facilities are drawn from the word lists below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from local.samples.planting import (
    Line,
    Samples,
    collect,
    copy,
    listed,
    mark,
    picker,
    shorten,
    spoil,
)

DAYS = (date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7), date(2026, 1, 8))
FIRST_SERVICE = date(2024, 1, 1)
SERVICE_DAYS = 731
PATIENTS, LATE_PATIENTS = 600, 21
PROVIDERS, LATE_PROVIDERS = 60, 3
CLAIMS, CLAIMS_A_DAY = 6000, 150
# Ids start where no real feed's do, so that both can be loaded into one warehouse.
FIRST_NUMBER = 500_000


PATIENT_COLUMNS = listed(
    "patient_id,fname,lname,date_of_birth,address,city,state,zipcode,"
    "date_of_residence,last_modified_date"
)
PROVIDER_COLUMNS = listed(
    "provider_id,fname,lname,facility_name,address,city,state,zipcode,specialty_code,start_date"
)
CLAIM_COLUMNS = listed(
    "claim_id,patient_id,provider_id,visit_type,total_cost,coverage_type,"
    "date_of_service,claim_date,billed,last_modified_date"
)

FIRST_NAMES = listed(
    "Ada,Bram,Cleo,Dario,Elka,Farid,Greta,Hollis,Imke,Jonas,Kaia,Lorne,Mina,Nils,Odile,Pavel,"
    "Quinn,Runa,Stellan,Tova,Ugo,Vesna,Wim,Xenia,Yorick,Zelda"
)
LAST_NAMES = listed(
    "Alder,Birchall,Coppin,Dunmore,Eastlake,Fennick,Garside,Hartog,Inskip,Jessop,Kettlewell,"
    "Lindqvist,Marlowe,Northcott,Okafor,Pemberly,Quarrie,Ravensby,Sorensen,Thackeray,Umber,"
    "Vantongeren,Wexcombe,Yardley,Zimmer"
)
STREETS = listed(
    "Lantern Street,Millrace Lane,Orchard Rise,Cooper Row,Heron Court,Saltmarsh Road,"
    "Old Quarry Road,Tannery Hill,Windmill Drive,Bellflower Avenue,Ferry Landing,Chestnut Walk"
)
FACILITIES = listed(
    "Bluestone Clinic,Harbor Light Medical,Three Rivers Health,Larkspur Family Practice,"
    "Northgate Orthopedics,Copperfield Heart Center,Meadow Physical Therapy,Summit Care Group,"
    "Willow Bend Hospital,Riverside Wellness"
)
CITIES = (
    ("Bangor", "Maine", "04401"),
    ("Nashua", "New Hampshire", "03060"),
    ("Worcester", "Massachusetts", "01608"),
    ("New Haven", "Connecticut", "06510"),
    ("Stamford", "Connecticut", "06901"),
    ("Trenton", "New Jersey", "08608"),
    ("Lafayette", "Louisiana", "70501"),
    ("Shreveport", "Louisiana", "71101"),
    ("Toledo", "Ohio", "43604"),
    ("Madison", "Wisconsin", "53703"),
    ("Tucson", "Arizona", "85701"),
    ("Boise", "Idaho", "83702"),
    ("Spokane", "Washington", "99201"),
    ("Savannah", "Georgia", "31401"),
    ("Fresno", "California", "93721"),
    ("Lincoln", "Nebraska", "68508"),
)
MISSPELLINGS = {"Louisiana": "Lousiana", "Connecticut": "Conneticut"}
SPECIALTIES = ("family_physician", "orthopedist", "heart_surgeon", "physical_therapist")
VISITS = ("physical", "routine", "illness", "surgery")
COST_RANGES = {  # in dollars
    "physical": (40, 400),
    "routine": (30, 250),
    "illness": (60, 900),
    "surgery": (900, 9000),
}


@dataclass(frozen=True)
class Place:
    """An address."""

    address: str
    city: str
    state: str
    zipcode: str


@dataclass(frozen=True)
class Patient:
    """One state of a patient in the billing system."""

    patient_id: str
    fname: str
    lname: str
    born: date
    home: Place
    since: date
    modified: date


@dataclass(frozen=True)
class Provider:
    """One state of a provider."""

    provider_id: str
    fname: str
    lname: str
    facility: str
    office: Place
    specialty: str
    since: date


@dataclass(frozen=True)
class Claim:
    """One version of a claim."""

    claim_id: str
    patient_id: str
    provider_id: str
    visit_type: str
    cost: str
    coverage: str
    served: date
    claimed: date
    billed: bool
    modified: date


def make(seed: int) -> Samples:
    """The sample feeds of *seed*."""
    rng = Random(seed)
    patients = [_patient(rng, n) for n in range(1, PATIENTS + LATE_PATIENTS + 1)]
    providers = [_provider(rng, n) for n in range(1, PROVIDERS + LATE_PROVIDERS + 1)]
    claims = [_claim(rng, n, patients[:PATIENTS], providers[:PROVIDERS]) for n in range(CLAIMS)]
    files: dict[str, tuple[list[str], list[Line]]] = {}
    for feed, columns, days in (
        ("patients", PATIENT_COLUMNS, _patient_days(rng, patients)),
        ("providers", PROVIDER_COLUMNS, _provider_days(rng, providers)),
        ("claims", CLAIM_COLUMNS, _claim_days(rng, claims, patients, providers)),
    ):
        for day, lines in zip(DAYS, days, strict=True):
            files[f"{feed}_{day:%Y%m%d}.csv"] = (columns, lines)
    return collect("billing", files)


# Records ---------------------------------------------------------------------------------------


def _place(rng: Random) -> Place:
    return Place(f"{rng.randint(1, 2999)} {rng.choice(STREETS)}", *rng.choice(CITIES))


def _patient(rng: Random, number: int) -> Patient:
    born = date(1935, 1, 1) + timedelta(days=rng.randrange(27_000))
    since = max(born, date(2000, 1, 1) + timedelta(days=rng.randrange(8_500)))
    modified = DAYS[0] - timedelta(days=rng.randint(1, 700))
    names = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    return Patient(f"{FIRST_NUMBER + number}000U", *names, born, _place(rng), since, modified)


def _provider(rng: Random, number: int) -> Provider:
    since = date(1996, 1, 1) + timedelta(days=rng.randrange(9_000))
    names = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    specialty = SPECIALTIES[number % len(SPECIALTIES)]
    return Provider(
        f"N3T{FIRST_NUMBER + number}00A",
        *names,
        rng.choice(FACILITIES),
        _place(rng),
        specialty,
        since,
    )


def _claim(rng: Random, number: int, patients: list[Patient], providers: list[Provider]) -> Claim:
    visit = rng.choice(VISITS)
    served = FIRST_SERVICE + timedelta(days=rng.randrange(SERVICE_DAYS))
    return Claim(
        claim_id=f"CF#{FIRST_NUMBER + number}078NN",
        patient_id=rng.choice(patients).patient_id,
        provider_id=rng.choice(providers).provider_id,
        visit_type=visit,
        cost=f"{rng.randint(*(100 * bound for bound in COST_RANGES[visit])) / 100:.2f}",
        coverage=rng.choice(("100", "50", "0")),
        served=served,
        claimed=min(served + timedelta(days=rng.randint(1, 90)), DAYS[0]),
        billed=rng.random() < 0.5,
        modified=DAYS[0],
    )


# Rows, in the format of the billing system -----------------------------------------------------


def _dashed(day: date) -> str:
    return f"{day.month}-{day.day}-{day.year}"


def _slashed(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def _patient_line(patient: Patient) -> Line:
    home = patient.home
    return Line(
        [
            patient.patient_id,
            patient.fname,
            patient.lname,
            _dashed(patient.born),
            home.address,
            home.city,
            home.state,
            home.zipcode,
            _dashed(patient.since),
            _dashed(patient.modified),
        ]
    )


def _provider_line(provider: Provider) -> Line:
    office = provider.office
    return Line(
        [
            provider.provider_id,
            provider.fname,
            provider.lname,
            provider.facility,
            office.address,
            office.city,
            office.state,
            office.zipcode,
            provider.specialty,
            _slashed(provider.since),
        ]
    )


def _claim_line(claim: Claim) -> Line:
    return Line(
        [
            claim.claim_id,
            claim.patient_id,
            claim.provider_id,
            claim.visit_type,
            claim.cost,
            claim.coverage,
            _slashed(claim.served),
            _slashed(claim.claimed),
            "T" if claim.billed else "F",
            _slashed(claim.modified),
        ]
    )


# Defects ---------------------------------------------------------------------------------------


def _lose_zeros(lines: Iterable[Line], columns: list[str]) -> None:
    """Drop leading zeros of ZIP codes, as a spreadsheet does."""
    at = columns.index("zipcode")
    for line in lines:
        if line.fields[at].startswith("0"):
            spoil(line, columns, "zipcode", line.fields[at].lstrip("0"), "lost_zero_zip")


def _misspell(rng: Random, lines: list[Line], columns: list[str], each: int) -> None:
    at = columns.index("state")
    for state, wrong in MISSPELLINGS.items():
        candidates = [line for line in lines if line.fields[at] == state]
        for line in rng.sample(candidates, min(each, len(candidates))):
            spoil(line, columns, "state", wrong, "misspelt_state")


# Days ------------------------------------------------------------------------------------------


def _patient_days(rng: Random, patients: list[Patient]) -> list[list[Line]]:
    known, late = patients[:PATIENTS], patients[PATIENTS:]
    by_id = {patient.patient_id: patient for patient in patients}
    columns = PATIENT_COLUMNS
    prime = [_patient_line(patient) for patient in known]
    pick = picker(rng, prime, 40)
    _lose_zeros(prime, columns)
    _misspell(rng, prime, columns, 4)
    spoiled: list[Line] = []
    for column, value, kind in (
        ("date_of_birth", "71844444444444", "junk_birth_date"),
        ("date_of_birth", "2-30-1961", "impossible_date"),
        ("date_of_residence", "555555555555", "junk_residence_date"),
        ("zipcode", "hjklhjklhjkl", "junk_zip"),
    ):
        line = pick()
        spoil(line, columns, column, value, kind)
        spoiled.append(line)
    short, never = pick(), pick()
    shorten(short, ["asdkfjhasdkfjh"])
    shorten(never, [])
    twice, twin = pick(), pick()
    copy(rng, prime, twice, "identical_copy")
    copy(rng, prime, twin, "conflicting_copy", at_1="Somebody", at_2="Different")

    def again(line: Line, day: date, **changes: object) -> Line:
        changed = replace(by_id[line.fields[0]], modified=day, **changes)
        by_id[changed.patient_id] = changed
        return _patient_line(changed)

    repairs = mark([again(line, DAYS[1]) for line in (short, spoiled[0])], "repair")
    repairs_later = mark([again(line, DAYS[2]) for line in spoiled[1:3]], "repair")
    movers = [pick() for _ in range(8)]
    early = [
        again(line, DAYS[1], home=_place(rng), since=DAYS[1] - timedelta(days=ago))
        for line, ago in zip(movers[:5], (120, 210, 300, 390, 480), strict=True)
    ]
    old_home = by_id[movers[5].fields[0]].home
    away = again(movers[5], DAYS[1], home=_place(rng), since=DAYS[1] - timedelta(days=1))
    back = again(movers[5], DAYS[3], home=old_home, since=DAYS[3] - timedelta(days=1))
    moved = [again(line, DAYS[2], home=_place(rng), since=DAYS[2]) for line in movers[6:]]
    unchanged = [_patient_line(by_id[pick().fields[0]]) for _ in range(2)]
    third = len(late) // 3
    days = [
        prime,
        [_patient_line(replace(p, modified=DAYS[1])) for p in late[:third]]
        + repairs
        + mark(early, "moved_back_dated")
        + mark([away], "moved"),
        [_patient_line(replace(p, modified=DAYS[2])) for p in late[third : 2 * third]]
        + repairs_later
        + mark(moved, "moved")
        + mark(unchanged, "unchanged_again"),
        [_patient_line(replace(p, modified=DAYS[3])) for p in late[2 * third :]]
        + mark([back], "moved_back"),
    ]
    _misspell(rng, days[1][:third], columns, 1)
    _lose_zeros(days[3], columns)  # the other updates never went through a spreadsheet
    return days


def _provider_days(rng: Random, providers: list[Provider]) -> list[list[Line]]:
    known, late = providers[:PROVIDERS], providers[PROVIDERS:]
    by_id = {provider.provider_id: provider for provider in providers}
    columns = PROVIDER_COLUMNS
    prime = [_provider_line(provider) for provider in known]
    pick = picker(rng, prime, 12)
    _lose_zeros(prime, columns)
    _misspell(rng, prime, columns, 1)
    junk, short, twice = pick(), pick(), pick()
    spoil(junk, columns, "zipcode", "vbnmvbnm", "junk_zip")
    shorten(short, ["eeeeee7"])
    copy(rng, prime, twice, "identical_copy")

    def moved(line: Line, since: date) -> Line:
        old = by_id[line.fields[0]]
        return _provider_line(
            replace(old, facility=rng.choice(FACILITIES), office=_place(rng), since=since)
        )

    repairs = mark([_provider_line(by_id[line.fields[0]]) for line in (short, junk)], "repair")
    back_dated = [moved(pick(), since) for since in (date(2025, 3, 1), date(2025, 7, 15))]
    new = [_provider_line(provider) for provider in late]
    return [
        prime,
        [*repairs, *mark(back_dated, "provider_moved"), new[0]],
        [*mark([moved(pick(), DAYS[2])], "provider_moved"), new[1]],
        [*mark([moved(pick(), DAYS[3])], "provider_moved"), new[2]],
    ]


def _claim_days(
    rng: Random, claims: list[Claim], patients: list[Patient], providers: list[Provider]
) -> list[list[Line]]:
    by_id = {claim.claim_id: claim for claim in claims}
    columns = CLAIM_COLUMNS
    first_day = len(claims) - 3 * CLAIMS_A_DAY
    prime = [_claim_line(claim) for claim in claims[:first_day]]
    pick = picker(rng, prime, 80)
    # `by_id` keeps a clean copy of each row: a repair sends it again.
    spoiled = _spoil_claims(pick, rng, prime)
    _arrive_later(prime, pick, patients, providers, by_id)
    days = [prime]
    for number, day in enumerate(DAYS[1:]):
        start = first_day + number * CLAIMS_A_DAY
        fresh = [replace(claim, modified=day) for claim in claims[start : start + CLAIMS_A_DAY]]
        repairs = [replace(by_id[key], modified=day) for key in spoiled[number::4]]
        corrected = [
            replace(by_id[pick().fields[0]], modified=day, billed=True, cost=f"{dollars}.25")
            for dollars in rng.sample(range(20, 900), 10)
        ]
        days.append(
            [_claim_line(claim) for claim in fresh]
            + mark([_claim_line(claim) for claim in repairs], "repair")
            + mark([_claim_line(claim) for claim in corrected], "corrected_claim")
        )
    unchanged = [Line(list(pick().fields)) for _ in range(3)]
    days[2] += mark(unchanged, "unchanged_again")
    for line in days[3]:  # on one day the flag is numeric, as specified
        spoil(line, columns, "billed", str(int(line.fields[8] == "T")), "numeric_flag")
    late_dirt = picker(rng, days[1][:CLAIMS_A_DAY], 2)
    spoil(late_dirt(), columns, "total_cost", "xyz", "junk_cost")
    spoil(late_dirt(), columns, "date_of_service", "13/13/2025", "impossible_date")
    return days


def _spoil_claims(pick: Callable[[], Line], rng: Random, prime: list[Line]) -> list[str]:
    """Plant every kind of claim defect in *prime*, and return the keys of the rows lost by it."""
    columns = CLAIM_COLUMNS
    lost = []
    for column, value, kind in (
        ("total_cost", "xyz", "junk_cost"),
        ("visit_type", "fax_number", "unknown_visit_type"),
        ("date_of_service", "birdfish", "junk_service_date"),
        ("claim_date", "2/30/2025", "impossible_date"),
        ("billed", "V", "junk_flag"),
        ("coverage_type", "75", "unknown_coverage"),
    ):
        for _ in range(2):
            line = pick()
            lost.append(line.fields[0])
            spoil(line, columns, column, value, kind)
    for left in (["wwwwww"], []):
        line = pick()
        lost.append(line.fields[0])
        shorten(line, left)
    cut = pick()
    lost.append(cut.fields[0])
    del cut.fields[-1]
    cut.planted.append(("short_row", "last_modified_date"))
    long = pick()
    lost.append(long.fields[0])
    long.fields[4:5] = ["1", "234.50"]  # 1,234.50 with no quotes around it
    long.planted.append(("long_row", "total_cost"))
    swapped = pick()
    lost.append(swapped.fields[0])
    swapped.fields[0], swapped.fields[1] = swapped.fields[1], swapped.fields[0]
    swapped.planted.append(("swapped_keys", "claim_id"))
    for _ in range(2):
        copy(rng, prime, pick(), "identical_copy")
    copy(rng, prime, pick(), "conflicting_copy", at_4="xyz", at_8="V")
    newer = pick()
    newer.fields[9] = _slashed(DAYS[0] - timedelta(days=3))
    copy(rng, prime, newer, "conflicting_copy", at_4="88.80", at_9=_slashed(DAYS[0]))
    copy(rng, prime, pick(), "conflicting_copy", at_4="77.70")  # a tie: the last row wins
    return lost


def _arrive_later(
    prime: list[Line],
    pick: Callable[[], Line],
    patients: list[Patient],
    providers: list[Provider],
    by_id: dict[str, Claim],
) -> None:
    """Let some claims reference patients and a provider that arrive a day or more later."""
    for patient in patients[PATIENTS : PATIENTS + 10]:
        line = pick()
        spoil(line, CLAIM_COLUMNS, "patient_id", patient.patient_id, "patient_arrives_later")
        by_id[line.fields[0]] = replace(by_id[line.fields[0]], patient_id=patient.patient_id)
    line = pick()
    name = providers[PROVIDERS].provider_id
    spoil(line, CLAIM_COLUMNS, "provider_id", name, "provider_arrives_later")
    by_id[line.fields[0]] = replace(by_id[line.fields[0]], provider_id=name)
