"""What comes with the draft of a contract: its mapping to the star and its checks, from the canonical columns."""

from __future__ import annotations

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from claimhouse import settings
from claimhouse.drafting.words import meanings, suggestions
from claimhouse.drafting.yaml import Draft

# Columns of star.fact_claim, and what gives them: the canonical column, or an expression of it.
OF_CLAIM = (
    ("patient_id", "patient_id", "{}::text"),
    ("provider_id", "provider_id", "{}::text"),
    ("facility_id", "location", "nullif(trim({}), '')"),
    ("payer_id", "payer", "coalesce(known.payer_name, nullif(trim({}), ''))"),
    ("procedure_id", "procedure_code", "{}::text"),
    ("diagnosis_id", "diagnosis_code", "{}::text"),
    ("claim_type", "claim_type", "lower({})"),
    ("plan_type", "plan_type", "{}::text"),
    ("claim_status", "claim_status", "coalesce(listed.claim_status, lower({}))"),
    ("service_date", "service_date", "{}"),
    ("paid_date", "paid_date", "{}"),
    ("total_cost", "claim_amount", "{}"),
    ("allowed_amount", "allowed_amount", "{}"),
    ("paid_amount", "paid_amount", "{}"),
)
# What a claim needs to be told from any other row, and what its batch should have.
CLAIM = {"service_date", "claim_amount", "allowed_amount", "paid_amount"}
WANTED = ("provider_id", "procedure_code", "diagnosis_code")
# Dimensions that a file of claims describes, and the canonical columns each needs.
OF_DIMENSIONS = {
    "dim_payer": {"payer"},
    "dim_patient": {
        "patient_id",
        "patient_first_name",
        "patient_last_name",
        "patient_birth_date",
    },
    "dim_provider": {"provider_id", "provider_name"},
    "dim_facility": {"location"},
    "dim_procedure": {"procedure_code"},
    "dim_diagnosis": set[str](),
    "bridge_claim_diagnosis": set[str](),
}
# Words of the headers of other diagnoses than the principal one.
OTHER_DIAGNOSES = {"secondary", "second", "third", "fourth", "other", "additional"}
# Words that SQL reads as names; a source or feed of another kind has no draft of SQL.
PLAIN_NAME = re.compile("[a-z_][a-z0-9_]{0,50}")

_templates = Environment(
    loader=FileSystemLoader(settings.CODE / "drafting" / "sql"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # noqa: S701 (SQL and YAML; only names that are plain words are rendered in)
)


def companions(draft: Draft) -> dict[Path, str]:
    """The files beside a draft: their paths below its folder, and their texts; no value of the file."""
    types = {guess.column.name: guess.column.type for guess in draft.guesses}
    if not all(map(PLAIN_NAME.fullmatch, (draft.source, draft.feed, *draft.key))):
        return {}
    names = {"source": draft.source, "feed": draft.feed}
    checks = _render(
        "checks",
        **names,
        wanted=[name for name in WANTED if name in types],
    )
    files = {Path("soda", f"{draft.feed}.yml"): checks}
    # Lines below others are parts of what those are: the star would have their amounts twice.
    if "claim_id" not in types or draft.taken or not CLAIM & types.keys():
        return files
    columns = [
        _aliased(expression.format(f"claim.{given}"), name)
        for name, given, expression in OF_CLAIM
        if given in types
    ]
    line = "claim_line" if {"claim_id", "claim_line"} <= set(draft.key) else ""
    claim_id = f"concat_ws('-', claim.claim_id, claim.{line})" if line else "claim.claim_id::text"
    mappings = {
        "fact_claim": _render(
            "fact_claim", **names, names=types, columns=columns, line=line, claim_id=claim_id
        )
    }
    diagnoses = ", ".join(f"claim.{name}::text" for name in _diagnoses(draft))
    for target, needed in OF_DIMENSIONS.items():
        if needed <= types.keys() and (diagnoses or "diagnosis" not in target):
            mappings[target] = _render(
                target,
                **names,
                claim_id=claim_id,
                diagnoses=diagnoses,
                is_npi=any(
                    guess.column.name == "provider_id" and "npi" in meanings(guess.header)
                    for guess in draft.guesses
                ),
            )
    return files | {
        Path("mapping", f"{target}__{draft.feed}.sql"): text for target, text in mappings.items()
    }


def _diagnoses(draft: Draft) -> list[str]:
    """The columns of diagnosis codes, the principal one first."""
    found = [
        guess.column.name
        for guess in draft.guesses
        if guess.column.type == "string"
        and PLAIN_NAME.fullmatch(guess.column.name)
        and "diagnosis" in (words := meanings(guess.header))
        and words <= {"diagnosis", "code", "id", "claim", *suggestions().besides, *OTHER_DIAGNOSES}
    ]
    return sorted(found, key=lambda name: name != "diagnosis_code")


def _aliased(expression: str, name: str) -> str:
    """An item of a select list."""
    return expression if expression == f"claim.{name}" else f"{expression} as {name}"


def _render(template: str, **names: object) -> str:
    return _templates.get_template(f"{template}.jinja").render(**names).lstrip("\n")
