"""The sample feeds of a hospital: two years in a first delivery, and two days of new and late rows.

All people are invented. Payers have the names of real insurers, because the reports of clients do;
codes and terms are from SNOMED CT; counts and costs are drawn at random.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from random import Random

from local.samples.billing import LAST_NAMES, STREETS
from local.samples.planting import Line, Samples, collect, listed, mark, picker, spoil

DAYS = (date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7))
FIRST_DAY, LAST_DAY = datetime(2024, 1, 1), datetime(2025, 12, 31)
PATIENTS, LATE_PATIENTS = 300, 8
ENCOUNTERS, ENCOUNTERS_A_DAY = 3000, 100

PATIENT_COLUMNS = listed(
    "Id,BIRTHDATE,DEATHDATE,PREFIX,FIRST,LAST,SUFFIX,MAIDEN,MARITAL,RACE,ETHNICITY,GENDER,"
    "BIRTHPLACE,ADDRESS,CITY,STATE,COUNTY,ZIP,LAT,LON"
)
ENCOUNTER_COLUMNS = listed(
    "Id,START,STOP,PATIENT,ORGANIZATION,PAYER,ENCOUNTERCLASS,CODE,DESCRIPTION,"
    "BASE_ENCOUNTER_COST,TOTAL_CLAIM_COST,PAYER_COVERAGE,REASONCODE,REASONDESCRIPTION"
)
PROCEDURE_COLUMNS = listed(
    "START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION,BASE_COST,REASONCODE,REASONDESCRIPTION"
)
PAYER_COLUMNS = listed("Id,NAME,ADDRESS,CITY,STATE_HEADQUARTERED,ZIP,PHONE")
ORGANIZATION_COLUMNS = listed("Id,NAME,ADDRESS,CITY,STATE,ZIP,LAT,LON")

UNINSURED = "NO_INSURANCE"
# Name; city, state and ZIP of its headquarters; share of the patients; share of a bill it covers.
PAYERS = (
    ("UnitedHealthcare", "Minnetonka", "MN", "55436", 18, 0.8),
    ("Humana", "Louisville", "KY", "40018", 16, 0.75),
    ("Medicare", "Baltimore", "MD", "21244", 16, 0.85),
    ("Aetna", "Hartford", "CT", "06156", 8, 0.8),
    ("Cigna Health", "Bloomfield", "CT", "06002", 6, 0.75),
    ("Anthem", "Indianapolis", "IN", "46204", 6, 0.8),
    ("Blue Cross Blue Shield", "Chicago", "IL", "60007", 6, 0.8),
    ("Medicaid", "Baltimore", "MD", "21244", 4, 1.0),
    ("Dual Eligible", "Baltimore", "MD", "21244", 2, 1.0),
    (UNINSURED, "", "", "", 18, 0.0),
)
FIRST_NAMES = {
    "F": listed("Ada,Cleo,Elka,Greta,Imke,Kaia,Mina,Odile,Runa,Tova,Vesna,Xenia,Zelda"),
    "M": listed("Bram,Dario,Farid,Hollis,Jonas,Lorne,Nils,Pavel,Stellan,Ugo,Wim,Yorick"),
}
ACCENTED = {
    "FIRST": ("Zoë", "Renée", "Óscar", "Ángela"),
    "LAST": ("Müller", "Peña", "Gonçalves"),
    "MAIDEN": ("Muñoz", "Brontë"),
    "BIRTHPLACE": ("Mayagüez  Puerto Rico  US", "Québec  Canada"),
}
PLACES = (
    ("Boston", "Suffolk County", "02118"),
    ("Boston", "Suffolk County", "02127"),
    ("Quincy", "Norfolk County", "02169"),
    ("Cambridge", "Middlesex County", "02139"),
    ("Lynn", "Essex County", "01902"),
    ("Revere", "Suffolk County", "02151"),
)
RACES = listed("white,black,asian,native,other")

# The hospital's terms for each code: the usual one first.
TERMS = {
    "185347001": ("Encounter for problem (procedure)", "Encounter for problem"),
    "185349003": ("Encounter for check up (procedure)", "Encounter for 'check-up'"),
    "702927004": ("Urgent care clinic (procedure)",),
    "50849002": ("Emergency Encounter", "Emergency room admission (procedure)"),
    "162673000": ("General examination of patient (procedure)",),
    "448337001": ("Telemedicine consultation with patient",),
    "424619006": ("Prenatal visit",),
    "424441002": ("Prenatal initial visit",),
    "33879002": ("Administration of vaccine to produce active immunity (procedure)",),
    "371883000": ("Outpatient procedure",),
    "56876005": ("Drug rehabilitation and detoxification",),
    "305336008": ("Admission to hospice (procedure)",),
    "308646001": ("Death Certification",),
    "385763009": ("Hospice care (regime/therapy)",),
    "265764009": ("Renal dialysis (procedure)",),
    "703423002": ("Combined chemotherapy and radiation therapy (procedure)",),
    "33195004": ("Teleradiotherapy procedure (procedure)",),
    "180325003": ("Electrical cardioversion",),
    "40701008": ("Echocardiography (procedure)",),
    "274804006": ("Evaluation of uterine fundal height",),
    "225158009": ("Auscultation of the fetal heart",),
    "169230002": ("Ultrasound scan for fetal viability",),
    "710824005": ("Assessment of health and social care needs (procedure)",),
    "171207006": ("Depression screening (procedure)", "Depression screening"),
    "428211000124100": ("Assessment of substance use (procedure)",),
    "430193006": ("Medication Reconciliation (procedure)",),
    "228557008": ("Cognitive and behavioral therapy (regime/therapy)",),
    "73761001": ("Colonoscopy",),
    "399208008": ("Plain chest X-ray (procedure)", "Chest X-ray"),
    "127783003": ("Spirometry (procedure)",),
    "288086009": ("Suture open wound",),
    "19490002": ("Ankle X-ray",),
    "65546002": ("Extraction of wisdom tooth",),
    "34068001": ("Heart valve replacement",),
}
REASONS = {
    "72892002": "Normal pregnancy",
    "88805009": "Chronic congestive heart failure (disorder)",
    "49436004": "Atrial Fibrillation",
    "254837009": "Malignant neoplasm of breast (disorder)",
    "68496003": "Polyp of colon",
    "16114001": "Fracture of ankle",
    "195967001": "Asthma",
}
PRICES = {  # in dollars, before the payer's discount
    "385763009": 900, "265764009": 1100, "703423002": 11800, "33195004": 6400, "180325003": 25300,
    "40701008": 1500, "274804006": 2600, "225158009": 2900, "169230002": 6100, "710824005": 430,
    "171207006": 430, "428211000124100": 430, "430193006": 520, "228557008": 700, "73761001": 9800,
    "399208008": 540, "127783003": 600, "288086009": 1300, "19490002": 450, "65546002": 2200,
    "34068001": 38000,
}  # fmt: skip
LISTED_NOWHERE = "34068001"
CUT_SHORT = {"185347001": "1853470"}
HOSPICE, HOSPICE_CARE = "hospice", "385763009"


@dataclass(frozen=True)
class Kind:
    """A kind of encounter: its patients, weight and duration, and how often each procedure is done."""

    group: str
    weight: int
    encounter_class: str
    code: str
    minutes: tuple[int, int]
    procedures: dict[str, tuple[int, int]] = field(default_factory=dict)
    reason: str = ""


SCREENING = {
    "710824005": (1, 1),
    "171207006": (1, 1),
    "428211000124100": (0, 1),
    "430193006": (0, 1),
}
KINDS = (
    Kind("anybody", 400, "wellness", "162673000", (15, 45), SCREENING),
    Kind("anybody", 460, "ambulatory", "185349003", (15, 60), SCREENING),
    Kind("anybody", 220, "ambulatory", "185347001", (15, 30)),
    Kind("anybody", 260, "urgentcare", "702927004", (15, 40)),
    Kind("anybody", 140, "outpatient", "33879002", (15, 15)),
    Kind("anybody", 150, "ambulatory", "448337001", (15, 30)),
    Kind(
        "anybody",
        140,
        "emergency",
        "50849002",
        (60, 240),
        {"399208008": (0, 1), "288086009": (0, 1)},
    ),
    Kind("anybody", 60, "emergency", "50849002", (60, 180), {"19490002": (1, 1)}, "16114001"),
    Kind("anybody", 90, "ambulatory", "185349003", (20, 40), {"127783003": (1, 1)}, "195967001"),
    Kind("anybody", 90, "outpatient", "371883000", (60, 120), {"73761001": (1, 1)}, "68496003"),
    Kind("anybody", 30, "outpatient", "371883000", (30, 60), {"65546002": (1, 1)}),
    Kind("heart", 170, "urgentcare", "702927004", (20, 60), {"180325003": (1, 1)}, "49436004"),
    Kind("heart", 120, "ambulatory", "185349003", (20, 60), {"40701008": (1, 1)}, "88805009"),
    Kind("kidneys", 330, "ambulatory", "185347001", (180, 260), {"265764009": (1, 1)}),
    Kind("cancer", 100, "outpatient", "185347001", (90, 240), {"703423002": (1, 1)}, "254837009"),
    Kind("cancer", 60, "outpatient", "185347001", (60, 90), {"33195004": (1, 2)}, "254837009"),
    Kind("mothers", 60, "ambulatory", "424441002", (30, 60), {"169230002": (1, 1)}, "72892002"),
    Kind(
        "mothers",
        260,
        "ambulatory",
        "424619006",
        (20, 45),
        {"274804006": (1, 1), "225158009": (1, 1)},
        "72892002",
    ),
    Kind("addicted", 60, "inpatient", "56876005", (1440, 4320), {"228557008": (1, 3)}),
    Kind(
        HOSPICE,
        60,
        "inpatient",
        "185347001",
        (1440, 4320),
        {HOSPICE_CARE: (4, 16), "430193006": (0, 1)},
    ),
    Kind(HOSPICE, 12, "inpatient", "305336008", (60, 240)),
)
# Patients in each group; "anybody" has them all.
GROUPS = {"heart": 45, "kidneys": 14, "cancer": 24, "addicted": 16, HOSPICE: 22}
DEATHS = 24


@dataclass(frozen=True)
class Patient:
    """One state of a patient in the hospital's system."""

    patient_id: str
    born: date
    died: date | None
    gender: str
    names: tuple[str, str]
    maiden: str
    married: str
    race: str
    address: str
    place: tuple[str, str, str]
    payer: str


@dataclass(frozen=True)
class Encounter:
    """An encounter, with code, start, stop and cost of each of its procedures."""

    encounter_id: str
    patient: Patient
    payer: str
    kind: Kind
    start: datetime
    stop: datetime
    base_cost: float
    procedures: tuple[tuple[str, datetime, datetime, float], ...]


def make(seed: int) -> Samples:
    """The sample feeds of *seed*."""
    rng = Random(seed)
    patients = [_patient(rng, number) for number in range(PATIENTS + LATE_PATIENTS)]
    encounters = _encounters(rng, patients)
    encounter_days, procedure_days = _encounter_days(rng, encounters)
    files: dict[str, tuple[list[str], list[Line]]] = {
        f"payers_{DAYS[0]:%Y%m%d}.csv": (PAYER_COLUMNS, _payer_lines()),
        f"organizations_{DAYS[0]:%Y%m%d}.csv": (ORGANIZATION_COLUMNS, [_organization_line()]),
    }
    keys = {}
    for feed, columns, days in (
        ("patients", PATIENT_COLUMNS, _patient_days(rng, patients)),
        ("encounters", ENCOUNTER_COLUMNS, encounter_days),
        ("procedures", PROCEDURE_COLUMNS, procedure_days),
    ):
        for day, lines in zip(DAYS, days, strict=True):
            name = f"{feed}_{day:%Y%m%d}.csv"
            files[name] = (columns, lines)
            keys[name] = ("ENCOUNTER", "CODE", "START") if feed == "procedures" else ("Id",)
    samples = collect("hospital", files, keys)
    # The hospital's files come from a spreadsheet: a byte order mark, and CRLF line ends.
    saved = {
        name: b"\xef\xbb\xbf" + content.replace(b"\n", b"\r\n")
        for name, content in samples.files.items()
    }
    return replace(samples, files=saved)


# Records ---------------------------------------------------------------------------------------


def _id(kind: int, number: int) -> str:
    """An id in the hospital's format; real ones are random, and none starts with these digits."""
    return f"00000000-{kind:04x}-4000-8000-{number:012x}"


def _payer_id(name: str) -> str:
    return _id(1, [payer[0] for payer in PAYERS].index(name))


def _patient(rng: Random, number: int) -> Patient:
    gender = rng.choice("FM")
    married = rng.choice(("M", "S", ""))
    return Patient(
        patient_id=_id(3, number),
        born=date(1930, 1, 1) + timedelta(days=rng.randrange(28_000)),
        died=(LAST_DAY - timedelta(days=rng.randint(20, 300))).date() if number < DEATHS else None,
        gender=gender,
        names=(rng.choice(FIRST_NAMES[gender]), rng.choice(LAST_NAMES)),
        maiden=rng.choice(LAST_NAMES) if gender == "F" and married == "M" else "",
        married=married,
        race=rng.choice(RACES),
        address=f"{rng.randint(1, 2999)} {rng.choice(STREETS)}",
        place=rng.choice(PLACES),
        payer=rng.choices([payer[0] for payer in PAYERS], [payer[4] for payer in PAYERS])[0],
    )


def _groups(rng: Random, patients: Sequence[Patient]) -> dict[str, list[Patient]]:
    """The patients of each group; half of those who died are in the hospice group."""
    groups = {name: rng.sample(patients, number) for name, number in GROUPS.items()}
    groups[HOSPICE][: DEATHS // 2] = patients[: DEATHS // 2]
    groups["mothers"] = [
        patient for patient in patients if patient.gender == "F" and date(1982, 1, 1) < patient.born
    ]
    return groups | {"anybody": list(patients)}


def _encounters(rng: Random, patients: Sequence[Patient]) -> list[Encounter]:
    groups = _groups(rng, patients)
    kinds = rng.choices(KINDS, [kind.weight for kind in KINDS], k=ENCOUNTERS)
    drawn = [_encounter(rng, n, kind, groups[kind.group]) for n, kind in enumerate(kinds)]
    return sorted(drawn, key=lambda encounter: encounter.start)


def _encounter(rng: Random, number: int, kind: Kind, patients: Sequence[Patient]) -> Encounter:
    patient = rng.choice(patients)
    last = LAST_DAY - timedelta(days=5)
    if patient.died:
        last = datetime.combine(patient.died, time()) - timedelta(days=5)
    start = FIRST_DAY + timedelta(seconds=rng.randrange(int((last - FIRST_DAY).total_seconds())))
    stop = start + timedelta(minutes=rng.randint(*kind.minutes))
    payer = patient.payer if rng.random() < 0.92 else rng.choice(PAYERS)[0]
    # Payers pay different prices for the same procedure.
    level = 0.85 + 0.3 * [name for name, *_ in PAYERS].index(payer) / len(PAYERS)
    done = [code for code, times in kind.procedures.items() for _ in range(rng.randint(*times))]
    each = (stop - start) / max(len(done), 1)
    procedures = tuple(
        (
            code,
            (start + each * at).replace(microsecond=0),
            (start + each * (at + 1)).replace(microsecond=0),
            round(PRICES[code] * level * rng.uniform(0.8, 1.3), 2),
        )
        for at, code in enumerate(done)
    )
    base = rng.choice((85.55, 129.16, 136.8, 142.58))
    return Encounter(_id(5, number), patient, payer, kind, start, stop, base, procedures)


# Rows, in the hospital's format ----------------------------------------------------------------


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _payer_lines() -> list[Line]:
    lines = []
    for number, (name, city, state, zipcode, _, _) in enumerate(PAYERS):
        address = "" if name == UNINSURED else f"{100 + number} {STREETS[number]}"
        phone = "" if name == UNINSURED else f"1-800-555-01{number:02}"
        lines.append(Line([_payer_id(name), name, address, city, state, zipcode, phone]))
    _lose_zeros(lines, PAYER_COLUMNS)
    return lines


def _organization_line() -> Line:
    return Line(
        [_id(2, 1), "HARBORVIEW GENERAL HOSPITAL", "1 LANTERN STREET", "BOSTON", "MA", "02114",
         "42.36", "-71.07"]
    )  # fmt: skip


def _patient_line(patient: Patient) -> Line:
    city, county, zipcode = patient.place
    return Line(
        [
            patient.patient_id,
            patient.born.isoformat(),
            patient.died.isoformat() if patient.died else "",
            "Mrs." if patient.gender == "F" else "Mr.",
            *patient.names,
            "",
            patient.maiden,
            patient.married,
            patient.race,
            "nonhispanic",
            patient.gender,
            f"{city}  Massachusetts  US",
            patient.address,
            city,
            "Massachusetts",
            county,
            zipcode,
            "42.3",
            "-71.1",
        ]
    )


def _encounter_line(rng: Random, encounter: Encounter) -> Line:
    total = encounter.base_cost + sum(cost for _, _, _, cost in encounter.procedures)
    covered = next(payer[5] for payer in PAYERS if payer[0] == encounter.payer)
    line = Line(
        [
            encounter.encounter_id,
            _time(encounter.start),
            _time(encounter.stop),
            encounter.patient.patient_id,
            _id(2, 1),
            _payer_id(encounter.payer),
            encounter.kind.encounter_class,
            encounter.kind.code,
            TERMS[encounter.kind.code][0],
            f"{encounter.base_cost:.2f}",
            f"{total:.2f}",
            f"{total * covered:.2f}",
            encounter.kind.reason,
            REASONS.get(encounter.kind.reason, ""),
        ]
    )
    _name_otherwise(rng, line, ENCOUNTER_COLUMNS)
    return line


def _procedure_lines(rng: Random, encounter: Encounter) -> list[Line]:
    lines = [
        Line(
            [
                _time(start),
                _time(stop),
                encounter.patient.patient_id,
                encounter.encounter_id,
                code,
                TERMS[code][0],
                f"{cost:.2f}",
                encounter.kind.reason,
                REASONS.get(encounter.kind.reason, ""),
            ]
        )
        for code, start, stop, cost in encounter.procedures
    ]
    for line in lines:
        _name_otherwise(rng, line, PROCEDURE_COLUMNS)
    return lines


# Defects ---------------------------------------------------------------------------------------


def _name_otherwise(rng: Random, line: Line, columns: list[str]) -> None:
    """Give some codes another of their terms."""
    others = TERMS[line.fields[columns.index("CODE")]][1:]
    if others and rng.random() < 0.15:
        spoil(line, columns, "DESCRIPTION", rng.choice(others), "other_description")


def _lose_zeros(lines: Iterable[Line], columns: list[str]) -> None:
    """Drop leading zeros of ZIP codes, as a spreadsheet does."""
    at = columns.index("ZIP")
    for line in lines:
        if line.fields[at].startswith("0"):
            spoil(line, columns, "ZIP", line.fields[at].lstrip("0"), "lost_zero_zip")


def _misread(text: str) -> str:
    """*text* with its UTF-8 misread as Mac Roman."""
    return text.encode().decode("mac_roman")


def _move(line: Line, columns: list[str], start: datetime, minutes: int, kind: str) -> None:
    line.fields[columns.index("START")] = _time(start)
    spoil(line, columns, "STOP", _time(start + timedelta(minutes=minutes)), kind)


# Days ------------------------------------------------------------------------------------------


def _patient_days(rng: Random, patients: Sequence[Patient]) -> list[list[Line]]:
    columns = PATIENT_COLUMNS
    known, late = patients[:PATIENTS], patients[PATIENTS:]
    by_id = {patient.patient_id: patient for patient in patients}
    prime = [_patient_line(patient) for patient in known]
    pick = picker(rng, prime, 90)
    for column, names in ACCENTED.items():
        for name in names:
            spoil(pick(), columns, column, _misread(name), "misread_name")
    _lose_zeros([pick() for _ in range(20)], columns)
    for _ in range(36):
        spoil(pick(), columns, "ZIP", "", "missing_zip")

    def again(line: Line, **changes: object) -> Line:
        changed = replace(by_id[line.fields[0]], **changes)
        return _patient_line(changed)

    moved = [again(pick(), address=f"{n} New Harbor Way", place=PLACES[n]) for n in range(6)]
    unchanged = [again(pick()) for _ in range(2)]
    died = [
        again(line, died=DAYS[1])
        for line in prime[DEATHS:]
        if not line.planted and line.fields[0] not in {row.fields[0] for row in moved + unchanged}
    ][:2]
    return [
        prime,
        [
            *mark([_patient_line(patient) for patient in late], "patient_arrives_later"),
            *mark(moved, "moved"),
            *mark(unchanged, "unchanged_again"),
        ],
        mark(died, "died"),
    ]


def _encounter_days(
    rng: Random, encounters: Sequence[Encounter]
) -> tuple[list[list[Line]], list[list[Line]]]:
    """The lines of encounters and of procedures, by day."""
    first = ENCOUNTERS - 2 * ENCOUNTERS_A_DAY
    parts = [
        encounters[:first],
        encounters[first : first + ENCOUNTERS_A_DAY],
        encounters[first + ENCOUNTERS_A_DAY :],
    ]
    days = [[_encounter_line(rng, encounter) for encounter in part] for part in parts]
    done = [[_procedure_lines(rng, encounter) for encounter in part] for part in parts]
    _postpone(rng, parts[0], done)
    _plant_in_encounters(rng, encounters, days)
    procedures = [[line for lines in day for line in lines] for day in done]
    _plant_in_procedures(rng, encounters, procedures)
    return days, procedures


def _postpone(rng: Random, prime: Sequence[Encounter], done: list[list[list[Line]]]) -> None:
    """Deliver some procedures a day after their encounter, and some a day before it.

    Of hospice stays only the hospice care is late: until then they do not look like hospice.
    """
    stays = [
        at for at, encounter in enumerate(prime)
        if encounter.kind.group == HOSPICE and "430193006" in {code for code, *_ in encounter.procedures}
    ]  # fmt: skip
    for at in stays[:4]:
        late = [line for line in done[0][at] if line.fields[4] == HOSPICE_CARE]
        done[0][at] = [line for line in done[0][at] if line not in late]
        done[1].append(mark(late, "hospice_arrives_later"))
    treated = [
        at
        for at, encounter in enumerate(prime)
        if encounter.procedures and encounter.kind.group != HOSPICE
    ]
    for at in rng.sample(treated, 8):
        done[1].append(mark(done[0][at], "procedure_arrives_later"))
        done[0][at] = []
    early = [at for at, lines in enumerate(done[2]) if lines][:3]
    for at in early:
        done[1].append(mark(done[2][at], "encounter_arrives_later"))
        done[2][at] = []


def _plant_in_encounters(
    rng: Random, encounters: Sequence[Encounter], days: list[list[Line]]
) -> None:
    columns = ENCOUNTER_COLUMNS
    prime = days[0]
    by_id = {encounter.encounter_id: encounter for encounter in encounters}
    plain = [
        line
        for line in prime
        if not line.planted
        and by_id[line.fields[0]].kind.group == "anybody"
        and not by_id[line.fields[0]].procedures
    ]
    pick = picker(rng, plain, 60)
    for code, cut in CUT_SHORT.items():
        for line in [row for row in plain if row.fields[columns.index("CODE")] == code][-6:]:
            spoil(line, columns, "CODE", cut, "cut_code")
    for _ in range(5):
        spoil(pick(), columns, "TOTAL_CLAIM_COST", "49.99", "base_above_total")
    corrected = []
    for _ in range(10):
        old = by_id[pick().fields[0]]
        payer = "Humana" if old.payer != "Humana" else "UnitedHealthcare"
        corrected.append(_encounter_line(rng, replace(old, payer=payer, base_cost=156.25)))
    days[1] += mark(corrected, "corrected_encounter")
    unchanged = [pick() for _ in range(3)]
    days[2] += mark([Line(list(line.fields)) for line in unchanged], "unchanged_again")
    patients = [encounter.patient for encounter in encounters]
    dead = {patient.patient_id: patient for patient in patients if patient.died}
    for number, patient in enumerate(list(dead.values())[:16]):
        prime.append(_after_death(rng, number, patient))


def _after_death(rng: Random, number: int, patient: Patient) -> Line:
    """An encounter after the patient's death: a death certification, or an impossible one."""
    certifies = number % 4 > 0
    code = "308646001" if certifies else "185349003"
    start = datetime.combine(patient.died or LAST_DAY, time(9)) + timedelta(days=2)
    encounter = Encounter(
        encounter_id=_id(6, number),
        patient=patient,
        payer=patient.payer,
        kind=Kind("anybody", 0, "ambulatory", code, (15, 15)),
        start=start,
        stop=start + timedelta(minutes=15),
        base_cost=129.16,
        procedures=(),
    )
    line = _encounter_line(rng, encounter)
    line.planted.append(("death_certification" if certifies else "after_death", "START"))
    return line


def _plant_in_procedures(
    rng: Random, encounters: Sequence[Encounter], days: list[list[Line]]
) -> None:
    columns = PROCEDURE_COLUMNS
    begins = {encounter.encounter_id: encounter.start for encounter in encounters}
    plain = [
        line
        for line in days[0]
        if not line.planted and line.fields[columns.index("CODE")] != HOSPICE_CARE
    ]
    pick = picker(rng, plain, 40)
    for _ in range(15):
        line = pick()
        start = begins[line.fields[columns.index("ENCOUNTER")]] - timedelta(hours=2)
        _move(line, columns, start, 30, "outside_encounter")
    for _ in range(3):
        line = pick()
        line.fields[columns.index("DESCRIPTION")] = TERMS[LISTED_NOWHERE][0]
        spoil(line, columns, "CODE", LISTED_NOWHERE, "unlisted_code")
