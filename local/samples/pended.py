"""The sample feeds of pended claims: the queue of three days, cleared claims, providers, beneficiaries.

Claims, NPIs and people are invented; the files have the names and headers of the claims system's
exports and of CMS DE-SynPUF. The day of a queue is in its file name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from random import Random

from local.samples.billing import FIRST_NAMES, LAST_NAMES, STREETS
from local.samples.planting import Line, Samples, collect, listed, mark

DAYS = (date(2026, 1, 5), date(2026, 1, 6), date(2026, 1, 7))
YEARS = (2024, 2025)
CLAIMS, ENTER_A_DAY = 2000, 60
CLEARED_A_DAY, LEFT_A_DAY, LONG_CLEARED = 40, 5, 120
PROVIDERS, GROUPS, BENEFICIARIES, INPATIENT = 150, 12, 80, 200
# Ids start where no real feed's do, so that both can be loaded into one warehouse.
FIRST_CLAIM, FIRST_NPI = 990_000_000_000_000, 1_900_000_000
# NPIs whose leading zeros a number column drops.
ZERO_NPIS = ("0012345678", "0123456789", "0000987654")

QUEUE_COLUMNS = listed("ClaimID,ReceiptDate,TotalCharge,NPI,MostRecentNote")
CLEARED_COLUMNS = listed("ClaimID,ReceiptDate,ClearDate,MostRecentNote")
DIRECTORY_COLUMNS = listed("npi,provider_group,last_name,first_name,addr_1,addr_2,city,state")
BENEFICIARY_COLUMNS = listed(
    "DESYNPUF_ID,BENE_BIRTH_DT,BENE_DEATH_DT,BENE_SEX_IDENT_CD,BENE_RACE_CD,BENE_ESRD_IND,"
    "SP_STATE_CODE,BENE_COUNTY_CD,BENE_HI_CVRAGE_TOT_MONS,BENE_SMI_CVRAGE_TOT_MONS,"
    "BENE_HMO_CVRAGE_TOT_MONS,PLAN_CVRG_MOS_NUM,SP_ALZHDMTA,SP_CHF,SP_CHRNKIDN,SP_CNCR,SP_COPD,"
    "SP_DEPRESSN,SP_DIABETES,SP_ISCHMCHT,SP_OSTEOPRS,SP_RA_OA,SP_STRKETIA,MEDREIMB_IP,BENRES_IP,"
    "PPPYMT_IP,MEDREIMB_OP,BENRES_OP,PPPYMT_OP,MEDREIMB_CAR,BENRES_CAR,PPPYMT_CAR"
)
INPATIENT_COLUMNS = [
    *listed(
        "DESYNPUF_ID,CLM_ID,SEGMENT,CLM_FROM_DT,CLM_THRU_DT,PRVDR_NUM,CLM_PMT_AMT,"
        "NCH_PRMRY_PYR_CLM_PD_AMT,AT_PHYSN_NPI,OP_PHYSN_NPI,OT_PHYSN_NPI,CLM_ADMSN_DT,"
        "ADMTNG_ICD9_DGNS_CD,CLM_PASS_THRU_PER_DIEM_AMT,NCH_BENE_IP_DDCTBL_AMT,"
        "NCH_BENE_PTA_COINSRNC_LBLTY_AM,NCH_BENE_BLOOD_DDCTBL_LBLTY_AM,CLM_UTLZTN_DAY_CNT,"
        "NCH_BENE_DSCHRG_DT,CLM_DRG_CD"
    ),
    *(f"ICD9_DGNS_CD_{n}" for n in range(1, 11)),
    *(f"ICD9_PRCDR_CD_{n}" for n in range(1, 7)),
    *(f"HCPCS_CD_{n}" for n in range(1, 46)),
]
# Clerks' notes: at least one for each category of the report, and some that fit none.
NOTES = (
    "add practitioner",
    "practitioner npi is not on file",
    "needs rendering provider",
    "add grp",
    "group npi missing on file",
    "review the facility",
    "verify tax id",
    "remit address not found",
    "service address has ended",
    "check the entity category",
    "valid agreement needed",
    "dos prior to the contract",
    "misc",
    "called, no answer",
)
CITIES = (("Bangor", "ME"), ("Nashua", "NH"), ("Toledo", "OH"), ("Boise", "ID"), ("Savannah", "GA"))
STATES = ("20", "30", "36", "13", "11")  # the same states as Social Security codes
DIAGNOSES = listed(
    "4019,25000,4280,41401,42731,5990,486,496,2724,53081,V5861,E8859,78650,5849,2859"
)
PROCEDURES = listed("3995,9904,3893,8872,4516,9671,3722,8154")


@dataclass(frozen=True)
class Claim:
    """A claim in the queue."""

    claim_id: str
    received: date | None
    charge: str
    npi: str
    note: str


def make(seed: int) -> Samples:
    """The sample feeds of *seed*."""
    rng = Random(seed)
    npis = [str(FIRST_NPI + n) for n in range(PROVIDERS)] + list(ZERO_NPIS)
    claims = [_claim(rng, n, npis) for n in range(CLAIMS + ENTER_A_DAY * len(DAYS))]
    queues, cleared = _queues(rng, claims)
    files: dict[str, tuple[list[str], list[Line]]] = {
        f"pend_queue_{day.isoformat()}.csv": (QUEUE_COLUMNS, _queue_lines(rng, queue))
        for day, queue in zip(DAYS, queues, strict=True)
    }
    files["cleared_claims.csv"] = (CLEARED_COLUMNS, cleared)
    files["provider_directory.csv"] = (DIRECTORY_COLUMNS, _directory(rng, npis))
    people = [f"{0xFEED_0000_0000_0000 + n:016X}" for n in range(BENEFICIARIES)]
    for year, lines in zip(YEARS, _beneficiaries(rng, people), strict=True):
        files[f"DE1_0_{year}_Beneficiary_Summary_File_Sample.csv"] = (BENEFICIARY_COLUMNS, lines)
    files["DE1_0_2024_to_2025_Inpatient_Claims_Sample.csv"] = (
        INPATIENT_COLUMNS,
        _inpatient(rng, claims[:INPATIENT], people),
    )
    return collect("pended", files)


# The queue -------------------------------------------------------------------------------------


def _claim(rng: Random, number: int, npis: Sequence[str]) -> Claim:
    """A claim that has waited for up to half a year; most wait a few weeks."""
    waited = int(rng.expovariate(1 / 35)) % 180
    late = max(0, number - CLAIMS) // ENTER_A_DAY  # enters on a later day
    return Claim(
        claim_id=str(FIRST_CLAIM + number),
        received=DAYS[late] - timedelta(days=waited),
        charge=str(rng.randrange(1, 400) * 100),
        npi=rng.choice(npis),
        note=rng.choice(NOTES),
    )


def _queues(rng: Random, claims: list[Claim]) -> tuple[list[list[Claim]], list[Line]]:
    """The queue of each day, and the list of cleared claims."""
    queue = claims[: CLAIMS - LONG_CLEARED]
    earlier = claims[CLAIMS - LONG_CLEARED : CLAIMS]
    cleared = [
        _cleared(
            claim, min((claim.received or DAYS[0]) + timedelta(days=rng.randrange(1, 30)), DAYS[0])
        )
        for claim in earlier
    ]
    queues = [queue]
    for n, day in enumerate(DAYS[1:], start=1):
        gone = rng.sample(queue[INPATIENT:], CLEARED_A_DAY + LEFT_A_DAY)
        cleared += [_cleared(claim, day) for claim in gone[:CLEARED_A_DAY]]
        left = {claim.claim_id for claim in gone}
        start = CLAIMS + n * ENTER_A_DAY
        new = claims[start : start + ENTER_A_DAY]
        queue = [claim for claim in queue if claim.claim_id not in left] + new
        queues.append(queue)
    return queues, cleared


def _cleared(claim: Claim, day: date) -> Line:
    return Line([claim.claim_id, _iso(claim.received), day.isoformat(), claim.note])


def _queue_lines(rng: Random, queue: list[Claim]) -> list[Line]:
    """The lines of a day: NPIs without leading zeros, and second segments after some claims."""
    lines = []
    for claim in queue:
        line = Line([claim.claim_id, _iso(claim.received), claim.charge, claim.npi, claim.note])
        short = claim.npi.lstrip("0")
        if short != claim.npi:
            line.fields[3] = short
            line.planted.append(("lost_zero_npi", "NPI"))
        lines.append(line)
    for claim in queue[:3]:
        second = replace(claim, received=None, npi="", note=rng.choice(NOTES))
        fields = [second.claim_id, "", second.charge, "", second.note]
        lines += mark([Line(fields)], "second_segment")
    for at, kind in ((10, "no_charge"), (11, "negative_charge")):
        lines[at].fields[2] = "" if kind == "no_charge" else f"-{queue[at].charge}"
        lines[at].planted.append((kind, "TotalCharge"))
    return lines


# Providers and beneficiaries -------------------------------------------------------------------


def _directory(rng: Random, npis: Sequence[str]) -> list[Line]:
    """One row for each NPI, two for the first; the last ten are missing."""
    groups = [f"{name.upper()} MEDICAL GROUP" for name in LAST_NAMES[:GROUPS]]
    lines = []
    for npi in [npis[0], *npis[: PROVIDERS - 10], *ZERO_NPIS]:
        city, state = rng.choice(CITIES)
        line = Line(
            [
                npi.lstrip("0"),
                rng.choice(groups) if rng.random() < 0.8 else "",
                rng.choice(LAST_NAMES).upper(),
                rng.choice(FIRST_NAMES).upper(),
                f"{rng.randint(1, 2999)} {rng.choice(STREETS)}",
                f"STE {rng.randint(1, 90)}" if rng.random() < 0.3 else "",
                city.upper(),
                state,
            ]
        )
        if npi in ZERO_NPIS:
            line.planted.append(("lost_zero_npi", "npi"))
        lines.append(line)
    mark(lines[:1], "npi_given_twice")
    return lines


def _beneficiaries(rng: Random, people: Sequence[str]) -> list[list[Line]]:
    """The summaries of two years; beneficiaries who died in the first are not in the second."""
    years: list[list[Line]] = [[], []]
    for n, person in enumerate(people):
        born = date(1930, 1, 1) + timedelta(days=rng.randrange(9000))
        home = rng.randrange(len(STATES))
        fixed = [rng.choice("12"), rng.choice("11125"), "Y" if rng.random() < 0.1 else "0"]
        for year, lines in enumerate(years):
            state = STATES[(home + (year if n % 20 == 0 else 0)) % len(STATES)]  # some move
            died = f"{YEARS[year]}0{rng.randint(1, 9)}01" if n % 25 == 24 else ""
            place = [
                state,
                f"{rng.randrange(1, 999):03d}" if year == 0 else _county_of(years[0], n),
            ]
            months = ["12", "12", str(rng.choice((0, 12))), "12"]
            flags = [rng.choice("1222") for _ in range(11)]
            paid = [f"{rng.randrange(0, 900) * 10}.00" for _ in range(9)]
            if year == 0 or n % 25 != 24:
                lines.append(
                    Line([person, f"{born:%Y%m%d}", died, *fixed, *place, *months, *flags, *paid])
                )
    return years


def _county_of(lines: list[Line], number: int) -> str:
    """The county in a beneficiary's line of the first year."""
    return lines[number].fields[7]


def _inpatient(rng: Random, claims: Sequence[Claim], people: Sequence[str]) -> list[Line]:
    """The inpatient claims of the first claims in the queue, with their second segments."""
    lines = []
    for n, claim in enumerate(claims):
        start = claim.received or DAYS[0]
        end = min(start + timedelta(days=rng.randint(1, 12)), max(start, DAYS[0]))
        # a claim has each code once; some claims have all ten
        diagnoses = rng.sample(DIAGNOSES, 10 if n % 10 == 0 else rng.randint(1, 9))
        procedures = rng.sample(PROCEDURES, rng.randint(0, 3))
        planted = []
        if n == 5:  # the field holds a diagnosis
            procedures = ["V5861", *procedures]
            planted.append(("procedure_is_a_diagnosis", "ICD9_PRCDR_CD_1"))
        facility = f"{rng.choice(STATES)}00{rng.choice(('AH', 'HV', 'QB', 'RT'))}"
        paid = f"{claim.charge}.00"
        dates = f"{start:%Y%m%d}", f"{end:%Y%m%d}"
        person = rng.choice(people)
        line = [
            person,
            claim.claim_id,
            "1",
            *dates,
            facility,
            paid,
            "0.00",
            claim.npi,
            "",
            "",
            dates[0],
        ]
        line += [
            diagnoses[0],
            "0.00",
            "1100.00",
            "0.00",
            "0.00",
            str((end - start).days),
            dates[1],
            "OTH",
        ]
        lines.append(
            Line([*line, *_padded(diagnoses, 10), *_padded(procedures, 6), *[""] * 45], planted)
        )
        if n < 3:
            second = [
                person,
                claim.claim_id,
                "2",
                "",
                "",
                facility,
                paid,
                "0.00",
                "",
                "",
                "",
                dates[0],
            ]
            second += ["", "0.00", "1100.00", "0.00", "0.00", "", dates[1], "OTH", *[""] * 61]
            lines += mark([Line(second)], "second_segment")
    return lines


def _padded(values: Sequence[str], width: int) -> list[str]:
    return [*values, *[""] * (width - len(values))]


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""
