"""The sample claim files of six senders, each in its own layout, and one without a contract.

All people are invented. As with real files, names are no guide: the vision claims are in a file
called medical, and only its content shows what it is.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

import xlsxwriter

from local.samples.billing import FIRST_NAMES, LAST_NAMES, STREETS
from local.samples.planting import Line, Planted, Samples, copy, listed, picker, spoil, text

FIRST_SERVICE, SERVICE_DAYS = date(2025, 1, 1), 330
MEMBERS = 60  # of each payer; most have several claims
CLAIMS = 150  # in each file
# Real claim ids have nine digits, the first not 0; real lists have ten letters and digits.
FIRST_NUMBER = 10_000
FIRST_NPI, NPIS = 1_999_000_000, 40  # for each sender
LATER = 10  # claims sent again in a later file

ANTHEM = "monthly/medical-claims-20260105.csv"
ANTHEM_LATER = "monthly/medical-claims-20260108.csv"
AETNA = "monthly/dental-claims-20260105.csv"
CIGNA = "monthly/claims-20260106.xlsx"
KAISER = "monthly/medical-claims-20260106.xlsx"  # holds vision claims, despite its name
PHARMACY = "pharmacy-claims-20260105.csv"
LIST = "claim_list.csv"
LIST_AGAIN = "claim_list.xlsx"
UNDESCRIBED = "export.csv"
PREFIXES = {
    ANTHEM: "ANT0000",
    AETNA: "AET0000",
    CIGNA: "CIG0000",
    KAISER: "KP0000",
    PHARMACY: "UHC0000",
    LIST: "ZZZZZ",
    UNDESCRIBED: "HUM0000",
}

GROUPS = listed("Lantern Works,Heron Logistics,Saltmarsh Schools,Old Quarry Bank")
PLANS = listed("HMO,PPO,EPO,POS,HDHP,Medicaid,Medicare Advantage")
DIAGNOSES = listed("I10,E11.9,M54.50,J06.9,R10.9,K21.00,G43.909")
CPT = listed("99203,99213,99214,97110,80053,36415")
CDT = listed("D0120,D1110,D2391,D4341,D7140")
VISION = listed("92004,92014,V2020,V2100,S0500")
HCPCS = listed("J1745,J2505")
DRUGS = listed("Metformin,Lisinopril,Losartan,Sertraline")
ITEMS = listed("Exam,Frame,Contact Lens,Bifocal Lens")
SURFACES = listed("M,O,DO,MOD")
SHOPS = listed("Bluestone Pharmacy,Harbor Light Drugs,Larkspur Pharmacy")
OPTICIANS = listed("Bluestone Optical,Harbor Light Eye Care,Larkspur Vision")
REASONS = listed("Missing documentation,Service not covered,Duplicate claim")


@dataclass(frozen=True)
class Member:
    """An insured person, and the subscriber of their insurance."""

    names: tuple[str, str]
    born: date
    subscriber: tuple[str, str]
    subscriber_born: date
    group: str
    since: date


@dataclass(frozen=True)
class Claim:
    """A claim, independent of layout."""

    claim_id: str
    member: Member
    npi: str
    served: date
    stay: int  # days
    decided: date
    claimed: int  # cents, as every amount
    allowed: int
    deductible: int
    paid: int
    diagnoses: tuple[str, str]
    draw: int  # selects the remaining values of the row


@dataclass(frozen=True)
class Layout:
    """How a sender writes its claims."""

    columns: list[str]
    key: str
    row: Callable[[Claim], list[str]]


def make(seed: int) -> Samples:
    """The sample claim files of *seed*."""
    rng = Random(seed)
    files_by_name = {}
    for number, (name, prefix) in enumerate(PREFIXES.items()):
        claims = _claims(rng, prefix, FIRST_NPI + number * NPIS)
        files_by_name[name] = (LAYOUTS[name], [Line(LAYOUTS[name].row(claim)) for claim in claims])
    later = _spoil_anthem(rng, *files_by_name[ANTHEM])
    _spoil_aetna(rng, *files_by_name[AETNA])
    _spoil_cigna(rng, *files_by_name[CIGNA])
    _spoil_pharmacy(rng, *files_by_name[PHARMACY])
    files_by_name[ANTHEM_LATER] = (LAYOUTS[ANTHEM], later)
    files_by_name[LIST_AGAIN] = (LAYOUTS[LIST], _as_numbers(files_by_name[LIST][1]))
    files = {
        name: workbook(layout.columns, lines, name == LIST_AGAIN)
        if name.endswith("xlsx")
        else text(layout.columns, lines)
        for name, (layout, lines) in files_by_name.items()
    }
    return Samples("billing_exports", files, tuple(_planted(files_by_name)))


def workbook(columns: list[str], lines: list[Line], is_typed: bool) -> bytes:
    """A workbook: the header, then *lines*; the same input gives the same bytes.

    Args:
        columns: the header.
        lines: the rows, as text.
        is_typed: whether ids are numbers and dates are dates, as when saved by a spreadsheet.
    """
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as book:
        book.set_properties({"created": datetime(2026, 1, 5)})
        date_format = book.add_format({"num_format": "mm/dd/yyyy"})
        sheet = book.add_worksheet("Sheet1")
        for row, fields in enumerate([columns, *(line.fields for line in lines)]):
            for column, value in enumerate(fields):
                if is_typed and row and columns[column] == "Date of Service":
                    sheet.write_datetime(
                        row, column, datetime.strptime(value, "%m/%d/%Y"), date_format
                    )
                elif is_typed and value.isdecimal():
                    sheet.write_number(row, column, int(value))
                else:
                    sheet.write_string(row, column, value)
    return buffer.getvalue()


# Claims ----------------------------------------------------------------------------------------


def _member(rng: Random) -> Member:
    names = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    born = date(1940, 1, 1) + timedelta(days=rng.randrange(29_000))
    owner, owner_born = names, born
    if rng.random() < 0.3:  # insured through a parent or spouse
        owner = rng.choice(FIRST_NAMES), names[1]
        owner_born = date(1950, 1, 1) + timedelta(days=rng.randrange(15_000))
    since = FIRST_SERVICE - timedelta(days=rng.randrange(700))
    return Member(names, born, owner, owner_born, rng.choice(GROUPS), since)


def _claims(rng: Random, prefix: str, first_npi: int) -> list[Claim]:
    members = [_member(rng) for _ in range(MEMBERS)]
    return [
        _claim(rng, f"{prefix}{FIRST_NUMBER + n}", rng.choice(members), first_npi)
        for n in range(CLAIMS)
    ]


def _claim(rng: Random, claim_id: str, member: Member, first_npi: int) -> Claim:
    served = FIRST_SERVICE + timedelta(days=rng.randrange(SERVICE_DAYS))
    stay = rng.randrange(3)
    claimed = rng.randint(3_000, 300_000)
    allowed = claimed * rng.randint(50, 95) // 100
    deductible = allowed * rng.randint(0, 20) // 100
    return Claim(
        claim_id=claim_id,
        member=member,
        npi=str(first_npi + rng.randrange(NPIS)),
        served=served,
        stay=stay,
        decided=served + timedelta(days=stay + rng.randint(2, 25)),
        claimed=claimed,
        allowed=allowed,
        deductible=deductible,
        paid=allowed - deductible,
        diagnoses=(rng.choice(DIAGNOSES), rng.choice([*DIAGNOSES, *[""] * 7])),
        draw=rng.randrange(1_000_000),
    )


# Rows, in each sender's format -----------------------------------------------------------------


def _person(member: Member, form: str) -> list[str]:
    return [
        *member.names,
        member.born.strftime(form),
        *member.subscriber,
        member.subscriber_born.strftime(form),
        member.group,
        member.since.strftime(form),
    ]


def _dollars(*cents: int) -> list[str]:
    """Amounts in dollars without trailing zeros, as a data frame exports them."""
    return [f"{amount / 100:.10g}" for amount in cents]


def _choose(choices: list[str], claim: Claim) -> str:
    return choices[claim.draw % len(choices)]


def _street(claim: Claim) -> str:
    return f"{1 + int(claim.npi) % 90} {STREETS[int(claim.npi) % len(STREETS)]}"


def _anthem_row(claim: Claim) -> list[str]:
    form, name = "%Y-%m-%d", LAST_NAMES[int(claim.npi) % len(LAST_NAMES)]
    return [
        *_person(claim.member, form),
        claim.claim_id,
        claim.served.strftime(form),
        (claim.served + timedelta(days=claim.stay)).strftime(form),
        claim.decided.strftime(form),
        *claim.diagnoses,
        _choose(CPT, claim),
        _choose(["", "25", "59"], claim),
        "0510",
        claim.npi,
        _choose(PLANS, claim),
        *_dollars(claim.claimed, claim.allowed, claim.deductible, 0, 0, claim.paid),
        "Medical",
        f"Dr. {name}",
        _street(claim),
        f"99-{claim.npi[-7:]}",
    ]


def _aetna_row(claim: Claim) -> list[str]:
    form, name = "%m-%d-%Y", LAST_NAMES[int(claim.npi) % len(LAST_NAMES)]
    return [
        *_person(claim.member, form),
        claim.claim_id,
        claim.served.strftime(form),
        claim.decided.strftime(form),
        _choose(CDT, claim),
        str(1 + claim.draw % 32),
        _choose(SURFACES, claim),
        claim.npi,
        _choose(["DHMO", "DPPO", "Indemnity"], claim),
        *_dollars(claim.claimed, claim.allowed, claim.deductible, 0, claim.paid),
        f"Dr. {name}, DDS",
        _street(claim),
        f"99-{claim.npi[-7:]}",
    ]


def _cigna_row(claim: Claim) -> list[str]:
    form, kind = "%Y%m%d", _choose(["Medical", "Pharmacy", "Vision"], claim)
    served, is_drug = claim.served.strftime(form), kind == "Pharmacy"
    drug = [_choose(DRUGS, claim), str(30 + claim.draw % 60), "30", served] if is_drug else [""] * 4
    return [
        *_person(claim.member, form),
        claim.claim_id,
        served,
        (claim.served + timedelta(days=claim.stay)).strftime(form),
        claim.decided.strftime(form),
        *claim.diagnoses,
        "" if is_drug else _choose(CPT, claim),
        "" if is_drug or claim.draw % 5 else _choose(HCPCS, claim),
        "",
        "0250",
        claim.npi,
        _choose(PLANS, claim),
        *drug,
        *_dollars(claim.claimed, claim.allowed, claim.deductible, claim.paid),
        kind,
        f" {LAST_NAMES[int(claim.npi) % len(LAST_NAMES)]} Clinic",  # the leading blank is the sender's
        f"99-{claim.npi[-7:]}",
    ]


def _kaiser_row(claim: Claim) -> list[str]:
    form = "%Y/%m/%d"
    return [
        *_person(claim.member, form),
        claim.claim_id,
        claim.served.strftime(form),
        claim.decided.strftime(form),
        _choose(VISION, claim),
        _choose(ITEMS, claim),
        claim.npi,
        "Vision",
        *_dollars(claim.claimed, claim.allowed, claim.deductible, claim.paid),
        OPTICIANS[int(claim.npi) % len(OPTICIANS)],
        _street(claim),
        f"99-{claim.npi[-7:]}",
    ]


def _pharmacy_row(claim: Claim) -> list[str]:
    form = "%m/%d/%Y"
    return [
        *_person(claim.member, form),
        claim.claim_id,
        claim.served.strftime(form),
        claim.decided.strftime(form),
        _choose(DRUGS, claim),
        str(30 + claim.draw % 60),
        "30",
        claim.npi,
        _choose(PLANS, claim),
        *_dollars(claim.claimed, 1_500, claim.deductible, claim.paid),
        SHOPS[int(claim.npi) % len(SHOPS)],
        _street(claim),
        f"99-{claim.npi[-7:]}",
    ]


def _list_row(claim: Claim) -> list[str]:
    status = _choose(["Paid", "Denied", "Under Review"], claim)
    dollars = [str(amount // 100) for amount in (claim.claimed, claim.allowed, claim.paid)]
    return [
        claim.claim_id,
        f"{(int(claim.npi) % NPIS + 1) * 212_345_678:010d}",
        f"{(claim.draw + 1_000) * 7_777:010d}",
        claim.served.strftime("%m/%d/%Y"),
        dollars[0],
        _choose(CPT, claim),
        claim.diagnoses[0],
        *dollars[1:],
        _choose(["Commercial", "Medicaid", "Medicare", "Self-Pay"], claim),
        status,
        _choose(REASONS, claim),
        _choose(["Yes", "No"], claim),
        _choose(["Open", "Closed"], claim),
        "Denied" if status == "Denied" else "Paid",
    ]


def _undescribed_row(claim: Claim) -> list[str]:
    return [
        claim.claim_id,
        " ".join(claim.member.names),
        claim.served.strftime("%d.%m.%Y"),
        _choose(CPT, claim),
        claim.diagnoses[0],
        claim.npi,
        *_dollars(claim.claimed, claim.paid),
        _choose(["P", "D"], claim),
    ]


LAYOUTS = {
    ANTHEM: Layout(
        listed(
            "MEMBER_FIRST_NAME,MEMBER_LAST_NAME,MEMBER_DOB,SUBSCRIBER_FIRST,SUBSCRIBER_LAST,"
            "SUBSCRIBER_DOB,GROUP_NAME,POLICY_EFF_DATE,CLAIM_NUM,SERVICE_FROM,SERVICE_THRU,PAID_DATE,"
            "DIAG_1,DIAG_2,PROC_CODE,MODIFIER,REVENUE_CD,PROVIDER_NPI,PLAN_TYPE,BILLED_CHARGES,"
            "ALLOWED_AMT,DEDUCTIBLE,COPAY,COINSURANCE,PLAN_PAID,CLAIM_TYPE,PROVIDER_NAME,"
            "PROVIDER_ADDRESS,PROVIDER_TIN"
        ),
        "CLAIM_NUM",
        _anthem_row,
    ),
    AETNA: Layout(
        listed(
            "PAT_FNAME,PAT_LNAME,PAT_BIRTH_DT,SUB_FNAME,SUB_LNAME,SUB_BIRTH_DT,GRP_NM,POL_EFF_DT,"
            "CLM_NBR,SVC_DT,PROC_DT,CDT_CD,TOOTH_NBR,SURFACE,DENTIST_NPI,PROD_TYPE,CHRG_AMT,"
            "ALLOW_AMT,DED_AMT,COINS_AMT,PAID_AMT,DENTIST_NM,DENTIST_ADDR,DENTIST_TIN"
        ),
        "CLM_NBR",
        _aetna_row,
    ),
    CIGNA: Layout(
        listed(
            "Claimant First Name,Claimant Last Name,Claimant Date of Birth,Insured First Name,"
            "Insured Last Name,Insured Date of Birth,Group,Policy Start Date,Claim Reference,"
            "Service Start Date,Service End Date,Adjudication Date,Primary Diagnosis,"
            "Secondary Diagnosis,Procedure Code,HCPCS,Modifier,Revenue,Rendering NPI,Product,"
            "Drug Name,Drug Qty,Days Supply,Fill Date,Total Billed,Allowed,Member Responsibility,"
            "Paid,Service Type,Provider,Provider Tax ID"
        ),
        "Claim Reference",
        _cigna_row,
    ),
    KAISER: Layout(
        listed(
            "MemberFirstName,MemberLastName,MemberBirthDate,SubscriberFirstName,SubscriberLastName,"
            "SubscriberBirthDate,GroupName,CoverageEffectiveDate,ClaimNumber,DateOfService,"
            "DateProcessed,VisionCode,FrameOrLens,OptometristNPI,PlanType,ChargedAmount,"
            "AllowedAmount,CopayAmount,PlanPaid,ProviderName,ProviderAddress,ProviderTaxID"
        ),
        "ClaimNumber",
        _kaiser_row,
    ),
    PHARMACY: Layout(
        listed(
            "PatientFirstName,PatientLastName,PatientDOB,SubscriberFirst,SubscriberLast,"
            "SubscriberDOB,EmployerGroup,EffectiveDate,ClaimID,DateFilled,ProcessedDate,DrugName,"
            "Quantity,DaysSupply,PharmacyNPI,ProductType,BilledAmt,CopayAmt,DeductibleAmt,"
            "PlanPaidAmt,PharmacyName,PharmacyAddress,PharmacyTIN"
        ),
        "ClaimID",
        _pharmacy_row,
    ),
    LIST: Layout(
        listed(
            "Claim ID,Provider ID,Patient ID,Date of Service,Billed Amount,Procedure Code,"
            "Diagnosis Code,Allowed Amount,Paid Amount,Insurance Type,Claim Status,Reason Code,"
            "Follow-up Required,AR Status,Outcome"
        ),
        "Claim ID",
        _list_row,
    ),
    UNDESCRIBED: Layout(
        listed(
            "Claim ID,Member,Date of Service,Procedure Code,Diagnosis Code,Provider ID,Charged,"
            "Paid Amount,State"
        ),
        "Claim ID",
        _undescribed_row,
    ),
}


# Defects ---------------------------------------------------------------------------------------


def _spoil_anthem(rng: Random, layout: Layout, lines: list[Line]) -> list[Line]:
    """Plant defects in medical claims; return the lines of a later file, which repairs some of them."""
    columns, pick = layout.columns, picker(rng, lines, 40)
    lost, changed = [], []
    for column, value, kind in (
        ("SERVICE_FROM", "2025-02-30", "impossible_date"),
        ("BILLED_CHARGES", "n/a", "junk_amount"),
    ):
        line = pick()
        lost.append(Line(list(line.fields)))
        spoil(line, columns, column, value, kind)
    line = pick()
    allowed = line.fields[columns.index("ALLOWED_AMT")]
    spoil(line, columns, "ALLOWED_AMT", f"${allowed}", "money_format")
    spoil(pick(), columns, "PLAN_TYPE", "Gold", "unknown_plan")
    spoil(pick(), columns, "DIAG_1", "back pain", "junk_diagnosis")
    spoil(pick(), columns, "COINSURANCE", "-12.5", "negative_amount")
    line = pick()
    spoil(line, columns, "DIAG_1", "I10", "repeated_diagnosis")
    spoil(line, columns, "DIAG_2", "I10", "repeated_diagnosis")
    copy(rng, lines, pick(), "identical_copy")
    copy(rng, lines, pick(), "conflicting_copy", **{f"at_{columns.index('PLAN_PAID')}": "0.01"})
    for _ in range(LATER - len(lost)):
        line = Line(list(pick().fields))
        spoil(line, columns, "PLAN_PAID", "0", "corrected_claim")
        changed.append(line)
    for line in lost:
        line.planted = [("repair", "")]
    return lost + changed


def _spoil_aetna(rng: Random, layout: Layout, lines: list[Line]) -> None:
    columns, pick = layout.columns, picker(rng, lines, 4)
    spoil(pick(), columns, "TOOTH_NBR", "99", "junk_tooth")
    line = pick()
    # No real NPI starts with 0, so this is not a lost zero.
    spoil(line, columns, "DENTIST_NPI", "199900000", "short_npi")
    line = pick()
    line.fields = line.fields[:10]
    line.planted = [("short_row", "")]
    spoil(pick(), columns, "CLM_NBR", "ATE000010", "junk_claim_id")


def _spoil_cigna(rng: Random, layout: Layout, lines: list[Line]) -> None:
    pick = picker(rng, lines, 1)
    spoil(pick(), layout.columns, "Service Type", "Hearing", "unknown_service")


def _spoil_pharmacy(rng: Random, layout: Layout, lines: list[Line]) -> None:
    pick = picker(rng, lines, 3)
    for _ in range(3):
        spoil(pick(), layout.columns, "PlanPaidAmt", "9999.99", "paid_more_than_claimed")


def _as_numbers(lines: list[Line]) -> list[Line]:
    """The list as saved by a spreadsheet: ids lose their leading zeros."""
    columns, typed_lines = LAYOUTS[LIST].columns, []
    for line in lines:
        typed = Line(list(line.fields))
        for column in ("Provider ID", "Patient ID"):
            if (value := line.fields[columns.index(column)]).startswith("0"):
                spoil(typed, columns, column, value.lstrip("0") or "0", "lost_zeros")
        typed_lines.append(typed)
    return typed_lines


def _planted(tables: dict[str, tuple[Layout, list[Line]]]) -> list[Planted]:
    entries = [
        Planted(kind, name, row, (line.fields + [""] * 9)[layout.columns.index(layout.key)], column)
        for name, (layout, lines) in tables.items()
        for row, line in enumerate(lines, start=2)
        for kind, column in line.planted
    ]
    entries.append(Planted("name_lies", KAISER, 1, "", ""))
    entries.append(Planted("no_contract", UNDESCRIBED, 1, "", ""))
    return entries
