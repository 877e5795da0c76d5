"""The sample feeds of a clinic network: the year 2025, nearly all of it in a first delivery.

All people are invented. The second delivery has the last month of the year, late patients, and
survey answers about visits of the first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from random import Random

from local.samples.billing import FIRST_NAMES, LAST_NAMES
from local.samples.planting import Line, Samples, collect, copy, listed, spoil

YEAR = 2025
DELIVERIES = (date(2025, 12, 1), date(2026, 1, 5))
PATIENTS, LATE_PATIENTS = 800, 5
TWICE = "P0124"
# Referenced, but in no provider file.
UNKNOWN_PROVIDERS = range(24, 31)
UNKNOWN_SHARE = 0.03
PROVIDER_TYPES = (
    ("Rheumatologist", 3),
    ("Dermatologist", 5),
    ("Nurse Practitioner", 5),
    ("Clinical Pharmacist", 10),
)
MOST_CLINICS = 5

# Number of appointments by outcome; a follow-up is an appointment too.
COMPLETED, NO_SHOW, CANCELLED, RESCHEDULED = 2005, 356, 414, 309
APPOINTMENTS = COMPLETED + NO_SHOW + CANCELLED + RESCHEDULED
FOLLOW_UPS, FOLLOW_UPS_OF_FOLLOW_UPS = 180, 10
WITHOUT_VISIT = 161
VISITS = COMPLETED - WITHOUT_VISIT
TWO_PROVIDERS, THREE_PROVIDERS = 240, 9
SURVEYS = 1198
TELEHEALTH_SHARE, HUB_SHARE = 0.6, 0.7
MISSPELLED_SHARE = 0.15
# A patient's appointments are at least 34 days apart, so that an appointment within 30 days of
# another can only be its replacement.
SLOT, SLOTS, JITTER = 44, 8, 9  # days, slots in a year, days
SOONEST, LATEST = 3, 21  # days from a rescheduled appointment to its follow-up
ANSWER_DAYS = 7  # a survey is answered a week after the visit

PATIENT_COLUMNS = listed("patient_id,age_group,payer_type,gender,city,state")
PROVIDER_COLUMNS = listed("provider_id,provider_name,provider_type,home_clinic")
APPOINTMENT_COLUMNS = listed(
    "appointment_id,patient_id,scheduled_at,status,clinic_location,provider_id"
)
VISIT_COLUMNS = listed(
    "visit_id,appointment_id,patient_id,visit_date,provider_id,billed_amount,clinic_location,"
    "is_first_visit_for_patient,visit_duration_minutes,modality"
)
VISIT_PROVIDER_COLUMNS = listed("visit_id,provider_id,role_in_visit")
SURVEY_COLUMNS = listed("visit_id,satisfaction_score,comment_text")
DATE_COLUMNS = listed("date,month,quarter,year")

HUB = "Telehealth Hub"
IDLE_CLINICS = ("Harbor Clinic", "Uptown Clinic")
SPELLINGS = {
    "Downtown Clinic": ("downtown clinic", "Downtown", "DOWNTOWN CLINIC"),
    "East Clinic": ("East Health Center", "east clinic", "East"),
    "West Clinic": ("West", "west clinic", "West Health Center"),
    "North Clinic": ("North", "NORTH CLINIC", "north clinic"),
    "South Clinic": ("South", "south clinic"),
    "Lakeside Clinic": ("Lakeside", "lakeside clinic", "Lakeside Health Center"),
    HUB: ("telehealth hub", "Telehealth"),
}
CLINICS = tuple(name for name in SPELLINGS if name != HUB)

AGE_GROUPS = listed("0-17,18-34,35-49,50-64,65+")
PAYER_TYPES = listed("Commercial,Medicare,Medicaid,Self-Pay")
GENDERS = listed("Female,Male,Other")
CITIES = (
    ("Worcester", "Massachusetts"),
    ("Springfield", "Massachusetts"),
    ("Lowell", "Massachusetts"),
    ("Nashua", "New Hampshire"),
    ("Providence", "Rhode Island"),
)
COMMENTS = (
    "The nurse explained everything, twice.",
    "Waited forty minutes, then a very good talk.",
    "Could not find parking",
    'They said "come back in spring"; I will.',
    "Screen froze, we went on by phone",
    "Kind people.",
    "Nobody called me back",
)


@dataclass(frozen=True)
class Provider:
    """A provider; one without a kind is in no provider file."""

    provider_id: str
    name: str
    kind: str | None
    home: str
    clinics: tuple[str, ...]


@dataclass(frozen=True)
class Appointment:
    """An appointment with its outcome."""

    patient_id: str
    at: datetime
    provider: Provider
    clinic: str
    is_telehealth: bool
    status: str = ""
    appointment_id: str = ""
    planted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Visit:
    """A visit, and its appointment."""

    visit_id: str
    appointment: Appointment
    is_first: bool


def make(seed: int) -> Samples:
    """The sample feeds of *seed*."""
    rng = Random(seed)
    providers = _providers(rng)
    appointments = _appointments(rng, providers)
    visits = _visits(rng, appointments)
    files: dict[str, tuple[list[str], list[Line]]] = {}
    for feed, columns, deliveries in (
        ("appointments", APPOINTMENT_COLUMNS, _appointment_lines(rng, appointments)),
        ("date_dim", DATE_COLUMNS, (_calendar(), [])),
        ("patients", PATIENT_COLUMNS, _patient_lines(rng, appointments)),
        ("providers", PROVIDER_COLUMNS, (_provider_lines(rng, providers), [])),
        ("survey", SURVEY_COLUMNS, _survey_lines(rng, visits)),
        ("visit_providers", VISIT_PROVIDER_COLUMNS, _visit_provider_lines(rng, visits, providers)),
        ("visits", VISIT_COLUMNS, _visit_lines(rng, visits)),
    ):
        for day, lines in zip(DELIVERIES, deliveries, strict=True):
            if lines:
                files[f"{feed}_{day:%Y%m%d}.csv"] = (columns, lines)
    return collect("clinic", files)


# What happened ---------------------------------------------------------------------------------


def _providers(rng: Random) -> list[Provider]:
    kinds: list[str | None] = [kind for kind, number in PROVIDER_TYPES for _ in range(number)]
    kinds += [None] * len(UNKNOWN_PROVIDERS)
    names = rng.sample([f"{first} {last}" for first in FIRST_NAMES for last in LAST_NAMES], 30)
    providers = []
    for number, (kind, name) in enumerate(zip(kinds, names, strict=True), start=1):
        works_at = tuple(rng.sample(CLINICS, rng.randint(1, MOST_CLINICS)))
        providers.append(Provider(f"PR{number:02}", name, kind, works_at[0], works_at))
    for clinic, at in zip(IDLE_CLINICS, rng.sample(range(3, 23), 2), strict=True):
        providers[at] = replace(providers[at], home=clinic)  # an office without appointments
    return providers


def _appointments(rng: Random, providers: list[Provider]) -> list[Appointment]:
    """All appointments in order of time, each with its outcome and its id."""
    known = [provider for provider in providers if provider.kind]
    unknown = [provider for provider in providers if not provider.kind]
    patients = [f"P{number:04}" for number in range(1, PATIENTS + 1)]
    seen = [patient for patient in patients if rng.random() < 0.96]
    usual = {patient: rng.choice(known) for patient in seen}
    offset = {patient: rng.randint(0, SLOT) for patient in seen}
    pairs = sorted((patient, slot) for patient in seen for slot in range(SLOTS))
    ordinary = []
    for patient, slot in rng.sample(pairs, APPOINTMENTS - FOLLOW_UPS):
        provider = usual[patient] if rng.random() < 0.7 else rng.choice(known)
        if rng.random() < UNKNOWN_SHARE:
            provider = rng.choice(unknown)
        day = date(YEAR, 1, 1) + timedelta(offset[patient] + SLOT * slot + rng.randint(0, JITTER))
        ordinary.append(_appointment(rng, patient, day, provider))
    moved = _rescheduled(rng, ordinary)
    ends = ["COMPLETED"] * COMPLETED + ["NO_SHOW"] * NO_SHOW + ["CANCELLED"] * CANCELLED
    rng.shuffle(ends)
    in_order = sorted(moved, key=lambda appointment: (appointment.at, appointment.patient_id))
    remaining_ends = iter(ends)
    return _without_visit(
        rng,
        [
            replace(
                appointment,
                status=appointment.status or next(remaining_ends),
                appointment_id=f"A{number:05}",
            )
            for number, appointment in enumerate(in_order, start=1)
        ],
    )


def _appointment(rng: Random, patient: str, day: date, provider: Provider) -> Appointment:
    if day.weekday() > 4:  # clinics are closed on weekends
        day += timedelta(7 - day.weekday())
    at = datetime(day.year, day.month, day.day, rng.randint(8, 16), rng.choice((0, 30)))
    is_telehealth = rng.random() < TELEHEALTH_SHARE
    is_at_hub = is_telehealth and rng.random() < HUB_SHARE
    clinic = HUB if is_at_hub else rng.choice(provider.clinics)
    return Appointment(patient, at, provider, clinic, is_telehealth)


def _rescheduled(rng: Random, ordinary: list[Appointment]) -> list[Appointment]:
    """*ordinary*, some of them rescheduled, and the replacements of some of those."""
    last_day = datetime(YEAR, 12, 31) - timedelta(LATEST + 2)
    early = [at for at, appointment in enumerate(ordinary) if appointment.at < last_day]
    chosen = rng.sample(early, RESCHEDULED - FOLLOW_UPS_OF_FOLLOW_UPS)
    followed = chosen[: FOLLOW_UPS - FOLLOW_UPS_OF_FOLLOW_UPS]
    times = dict.fromkeys(chosen, 0) | dict.fromkeys(followed, 1)
    times |= dict.fromkeys(sorted(followed)[:FOLLOW_UPS_OF_FOLLOW_UPS], 2)
    return [
        part
        for at, appointment in enumerate(ordinary)
        for part in (_chain(rng, appointment, times[at]) if at in times else [appointment])
    ]


def _chain(rng: Random, original: Appointment, times: int) -> list[Appointment]:
    """*original*, rescheduled, and the appointments that replaced it in turn."""
    if not times:
        return [replace(original, status="RESCHEDULED", planted=("not_replaced",))]
    chain = [original]
    for _ in range(times):
        moved = chain.pop()
        day = moved.at.date() + timedelta(rng.randint(SOONEST, LATEST // times))
        following = _appointment(rng, original.patient_id, day, original.provider)
        chain += [
            replace(moved, status="RESCHEDULED", planted=(*moved.planted, "replaced")),
            replace(following, planted=("follow_up",)),
        ]
    return chain


def _without_visit(rng: Random, appointments: list[Appointment]) -> list[Appointment]:
    """Mark some completed appointments as lacking a visit."""
    completed = [
        at for at, appointment in enumerate(appointments) if appointment.status == "COMPLETED"
    ]
    for at in rng.sample(completed, WITHOUT_VISIT):
        appointment = appointments[at]
        appointments[at] = replace(appointment, planted=(*appointment.planted, "no_visit"))
    return appointments


def _visits(rng: Random, appointments: list[Appointment]) -> list[Visit]:
    seen: set[str] = set()
    visits = []
    for appointment in appointments:
        if appointment.status != "COMPLETED" or "no_visit" in appointment.planted:
            continue
        visits.append(
            Visit(f"V{len(visits) + 1:05}", appointment, appointment.patient_id not in seen)
        )
        seen.add(appointment.patient_id)
    return visits


# Rows, in the format of the clinics' systems ---------------------------------------------------


def _delivered(lines: Iterable[tuple[date, Line]]) -> tuple[list[Line], list[Line]]:
    """Split lines by delivery: each is in the first delivery after its day."""
    first, second = [], []
    for day, line in lines:
        (first if day < DELIVERIES[0] else second).append(line)
    return first, second


def _patient_lines(rng: Random, appointments: list[Appointment]) -> tuple[list[Line], list[Line]]:
    first_day: dict[str, date] = {}
    for appointment in appointments:
        first_day.setdefault(appointment.patient_id, appointment.at.date())
    early = [name for name, day in first_day.items() if day < DELIVERIES[0] and name != TWICE]
    late = set(rng.sample(early, LATE_PATIENTS))
    lines = []
    for number in range(1, PATIENTS + 1):
        name = f"P{number:04}"
        kinds = [rng.choice(values) for values in (AGE_GROUPS, PAYER_TYPES, GENDERS)]
        line = Line([name, *kinds, *rng.choice(CITIES)])
        if name in late:
            line.planted.append(("arrives_late", ""))
        lines.append(
            (DELIVERIES[1] if name in late else first_day.get(name, date(YEAR, 1, 1)), line)
        )
    first, second = _delivered(lines)
    twice = next(line for line in first if line.fields[0] == TWICE)
    other = next(payer for payer in PAYER_TYPES if payer != twice.fields[2])
    copy(rng, first, twice, "conflicting_copy", at_2=other)
    return first, second


def _provider_lines(rng: Random, providers: list[Provider]) -> list[Line]:
    lines = []
    for provider in providers:
        if provider.kind is None:
            continue
        line = Line([provider.provider_id, provider.name, provider.kind, provider.home])
        _misspell(rng, line, PROVIDER_COLUMNS, "home_clinic")
        lines.append(line)
    return lines


def _appointment_lines(
    rng: Random, appointments: list[Appointment]
) -> tuple[list[Line], list[Line]]:
    lines = []
    for appointment in appointments:
        at, provider = f"{appointment.at:%Y-%m-%d %H:%M:%S}", appointment.provider.provider_id
        line = Line(
            [
                appointment.appointment_id,
                appointment.patient_id,
                at,
                appointment.status,
                appointment.clinic,
                provider,
            ]
        )
        line.planted += [(kind, "") for kind in appointment.planted]
        _note_unknown(line, appointment.provider)
        _misspell(rng, line, APPOINTMENT_COLUMNS, "clinic_location")
        lines.append((appointment.at.date(), line))
    return _delivered(lines)


def _visit_lines(rng: Random, visits: list[Visit]) -> tuple[list[Line], list[Line]]:
    lines = []
    for visit in visits:
        booked = visit.appointment
        line = Line(
            [
                visit.visit_id,
                booked.appointment_id,
                booked.patient_id,
                f"{booked.at:%Y-%m-%d}",
                booked.provider.provider_id,
                f"{rng.randint(*((18000, 32000) if visit.is_first else (9000, 22000))) / 100:.2f}",
                booked.clinic,
                str(visit.is_first),
                str((60 if visit.is_first else 30) + rng.randint(-5, 5)),
                "Telehealth" if booked.is_telehealth else "In-Person",
            ]
        )
        _note_unknown(line, booked.provider)
        _misspell(rng, line, VISIT_COLUMNS, "clinic_location")
        lines.append((booked.at.date(), line))
    return _delivered(lines)


def _visit_provider_lines(
    rng: Random, visits: list[Visit], providers: list[Provider]
) -> tuple[list[Line], list[Line]]:
    pharmacists = [provider for provider in providers if provider.kind == "Clinical Pharmacist"]
    others = [
        provider for provider in providers if provider.kind not in (None, "Clinical Pharmacist")
    ]
    helped = rng.sample(range(len(visits)), TWO_PROVIDERS + THREE_PROVIDERS)
    helpers: dict[int, int] = defaultdict(int)
    helpers |= dict.fromkeys(helped[:TWO_PROVIDERS], 1) | dict.fromkeys(helped[TWO_PROVIDERS:], 2)
    lines = []
    for at, visit in enumerate(visits):
        primary = visit.appointment.provider
        secondary: list[Provider] = []
        while len(secondary) < helpers[at]:
            candidate = rng.choice(pharmacists if rng.random() < 0.8 else others)
            if candidate is not primary and candidate not in secondary:
                secondary.append(candidate)
        for provider, role in [
            (primary, "Primary"),
            *((helper, "Secondary") for helper in secondary),
        ]:
            line = Line([visit.visit_id, provider.provider_id, role])
            _note_unknown(line, provider)
            lines.append((visit.appointment.at.date(), line))
    return _delivered(lines)


def _survey_lines(rng: Random, visits: list[Visit]) -> tuple[list[Line], list[Line]]:
    lines = []
    for visit in sorted(rng.sample(visits, SURVEYS), key=lambda visit: visit.visit_id):
        (score,) = rng.choices(range(1, 6), weights=(5, 8, 17, 35, 35))
        comment = rng.choice(COMMENTS) if rng.random() < 0.55 else ""
        answered = visit.appointment.at.date() + timedelta(ANSWER_DAYS)
        lines.append((answered, Line([visit.visit_id, str(score), comment])))
    return _delivered(lines)


def _calendar() -> list[Line]:
    days: Sequence[date] = [date(YEAR, 1, 1) + timedelta(number) for number in range(365)]
    return [
        Line([day.isoformat(), str(day.month), f"Q{(day.month + 2) // 3}", str(day.year)])
        for day in days
    ]


# Defects ---------------------------------------------------------------------------------------


def _note_unknown(line: Line, provider: Provider) -> None:
    if provider.kind is None:
        line.planted.append(("unknown_provider", "provider_id"))


def _misspell(rng: Random, line: Line, columns: list[str], column: str) -> None:
    """Replace some clinic names with a variant."""
    spellings = SPELLINGS.get(line.fields[columns.index(column)])
    if spellings and rng.random() < MISSPELLED_SHARE:
        spoil(line, columns, column, rng.choice(spellings), "clinic_spelling")
