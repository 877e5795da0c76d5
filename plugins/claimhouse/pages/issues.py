"""Issues: what was wrong, by filters; one issue with its row; and what a person decides about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from psycopg import Connection
from starlette.datastructures import FormData

from claimhouse import checks, contracts, review, warehouse
from claimhouse.pages import access, answers, database, filters, masking, records, runs
from claimhouse.pages.filters import AGES, Chosen, Search
from claimhouse.pages.masking import Mask, Value
from claimhouse.pages.rights import Form, Looks, Person

routes = APIRouter()

LONGEST = 1_000
# How the fields of the form of a row are called.
VALUE = "value:"


@routes.get("/issues")
def issues(
    request: Request, looks: Looks, chosen: Chosen, before: int | None = None
) -> HTMLResponse:
    """The list."""
    with database.as_viewer() as connection:
        search = Search(connection, looks.sees, chosen)
        counts = search.counts()
        found, older = search.page(before)
        rows = warehouse.query(connection, "pages/issue_list", found)
    mask = Mask()
    for row in rows:
        contract = records.contract_of(row["source_system"], row["feed"])
        row["value"] = mask.value(contract, row["column_name"] or "", row["raw_value"])
        row["may_waive"] = row["status"] == "open" and row["source_system"] in looks.runs
    return answers.show(
        request, "issues", looks,
        filters=chosen, counts=counts, rows=rows, older=older, is_first=before is None, ages=AGES,
        searched=filters.SEARCHED,
    )  # fmt: skip


@routes.get("/issues/{issue_id}")
def issue(
    request: Request, looks: Looks, issue_id: int, shown: str = "", running: str = ""
) -> HTMLResponse:
    """One issue with its row, the rule, other versions of the record, and what was decided."""
    is_lifted = masking.is_lifted(looks, f"issue {issue_id}", shown)
    with database.as_viewer() as connection:
        row = _issue(connection, looks, issue_id)
        page = _about(connection, row, Mask(is_lifted=is_lifted))
        page["acts"] = _acts(connection, row)
    return answers.show(
        request, "issue", looks,
        issue=row, is_lifted=is_lifted, shown=shown if is_lifted else "",
        may_act=row["source_system"] in looks.runs, seen=_newest(page["acts"]), running=running == "yes",
        **page,
    )  # fmt: skip


@routes.post("/issues/{issue_id}/show")
def show(request: Request, looks: Looks, issue_id: int, form: Form) -> RedirectResponse:
    """Show the record of an issue as it is; the access log keeps who asked."""
    with database.as_viewer() as connection:
        row = _issue(connection, looks, issue_id)
    looks.must_run(row["source_system"])
    access.record(
        looks, f"issue {issue_id}", row["source_system"],
        batch_id=row["batch_id"], row_number=row["file_row"],
    )  # fmt: skip
    place = f"issues/{issue_id}" + ("/correct" if form.get("then") == "correct" else "")
    return answers.go_to(request, place, shown=masking.lifted(looks, f"issue {issue_id}"))


@routes.post("/issues/{issue_id}/waive")
def waive(request: Request, looks: Looks, issue_id: int, form: Form) -> Response:
    """Close an issue without a change."""
    place = _place(looks, issue_id)
    try:
        review.waive(
            issue_id, looks.name, text(form, "reason"), seen=number(form.get("seen")) or 0,
            connect=database.as_reviewer,
        )  # fmt: skip
    except review.ReviewError as error:
        return refuse(request, looks, error, place)
    return answers.go_to(request, place)


@routes.get("/issues/{issue_id}/correct")
def ask_values(request: Request, looks: Looks, issue_id: int, shown: str = "") -> HTMLResponse:
    """A form with the fields of the row, those that fail first."""
    return _ask_values(request, looks, issue_id, {"shown": shown})


@routes.post("/issues/{issue_id}/correct")
def correct(request: Request, looks: Looks, issue_id: int, form: Form) -> Response:
    """Send a row back through verification, with the values that a person corrected."""
    place = _place(looks, issue_id)
    given = {
        name.removeprefix(VALUE): str(value).replace("\0", "").replace("\r\n", "\n")
        for name, value in form.items()
        if name.startswith(VALUE)
    }
    reason, seen = text(form, "reason"), number(form.get("seen")) or 0
    try:
        row = review.quarantined_row(issue_id, database.as_viewer)
        contract = contracts.of(row["source_system"], row["feed"])
        own = records.values(row, contract)
        changes = given if own is None else records.changed(own, given)
        if wrong := records.still_wrong(contract, {**(own or {}), **given}):
            return _ask_values(request, looks, issue_id, form, given, wrong)
        review.correct(
            issue_id, changes, looks.name, review.needed(reason), seen=seen,
            connect=database.as_reviewer,
        )  # fmt: skip
    except review.ReviewError as error:
        return refuse(request, looks, error, place)
    return answers.go_to(request, place)


@routes.post("/issues/{issue_id}/run")
def run(request: Request, looks: Looks, issue_id: int) -> Response:
    """Run the ingest DAG of the source now, as this person."""
    place = _place(looks, issue_id)
    with database.as_viewer() as connection:
        source = _issue(connection, looks, issue_id)["source_system"]
    runs.trigger(source, looks.name)
    return answers.go_to(request, place, running="yes")


@routes.post("/acts/{act_id}/undo")
def undo(request: Request, looks: Looks, act_id: int, form: Form) -> Response:
    """Undo what was decided."""
    back = str(form.get("back", "issues"))
    place = back if back in ("held", "acts") or _is_issue(back) else "issues"
    with database.as_viewer() as connection:
        acts = warehouse.query(connection, "pages/act", act_id)
    looks.must_run(acts[0]["source_system"] if acts else "")
    try:
        review.undo(act_id, looks.name, text(form, "reason"), connect=database.as_reviewer)
    except review.ReviewError as error:
        return refuse(request, looks, error, place)
    return answers.go_to(request, place)


@routes.get("/acts")
def acts(request: Request, looks: Looks, before: int | None = None) -> HTMLResponse:
    """What was decided, the newest first."""
    with database.as_viewer() as connection:
        found = warehouse.query(
            connection, "pages/all_acts", list(looks.sees), before or 2**62, filters.PAGE + 1
        )
    older = found[filters.PAGE - 1]["act_id"] if len(found) > filters.PAGE else None
    return answers.show(
        request, "acts", looks, acts=found[: filters.PAGE], older=older, back="acts"
    )


@routes.get("/held")
def held(request: Request, looks: Looks) -> HTMLResponse:
    """Batches that a check holds: why, and the rows that failed."""
    with database.as_viewer() as connection:
        batches = warehouse.query(connection, "pages/held_batches", list(looks.sees))
        holding = warehouse.query(
            connection, "pages/holding_issues", [row["batch_id"] for row in batches], checks.HOLDING
        )
        for row in holding:
            batch = next(batch for batch in batches if batch["batch_id"] == row["batch_id"])
            contract = records.contract_of(batch["source_system"], batch["feed"])
            row["check"] = records.check_of(connection, row)
            row["failing"] = records.failing_rows(connection, contract, row["check"], Mask())
        released = warehouse.query(connection, "pages/released_batches", list(looks.sees))
    for batch in batches:
        batch["failed"] = [row for row in holding if row["batch_id"] == batch["batch_id"]]
    return answers.show(request, "held", looks, batches=batches, released=released)


@routes.post("/held/{batch_id}/release")
def release(request: Request, looks: Looks, batch_id: int, form: Form) -> Response:
    """Let a held batch go on to the star."""
    with database.as_viewer() as connection:
        batches = warehouse.query(connection, "pages/source_of_batch", batch_id)
    looks.must_run(batches[0]["source_system"] if batches else "")
    try:
        review.release(batch_id, looks.name, text(form, "reason"), connect=database.as_reviewer)
    except review.ReviewError as error:
        return refuse(request, looks, error, "held")
    return answers.go_to(request, "held")


def _ask_values(
    request: Request,
    looks: Person,
    issue_id: int,
    form: Mapping[str, Any],
    given: dict[str, str] | None = None,
    wrong: dict[str, str] | None = None,
) -> HTMLResponse:
    """The form of a row; again with the values that were *given*, where they are still *wrong*."""
    given, wrong, shown = given or {}, wrong or {}, str(form.get("shown", ""))
    is_lifted = masking.is_lifted(looks, f"issue {issue_id}", shown)
    with database.as_viewer() as connection:
        row = _issue(connection, looks, issue_id)
        looks.must_run(row["source_system"])
        page = _about(connection, row, Mask(is_lifted=is_lifted))
        acts = _acts(connection, row)
    fields = [
        replace(
            field,
            value=Value(given[field.column.name]) if field.column.name in given else field.value,
            problems=(wrong[field.column.name],) if field.column.name in wrong else field.problems,
        )
        for field in page["fields"] or _blank(page["contract"])
    ]
    # What the person has typed is theirs; whatever else the form would show is masked until it is asked for.
    is_masked = any(field.value and field.value.is_masked for field in fields) or (
        not given and page["whole"] is not None and page["whole"].is_masked
    )
    answer = answers.show(
        request, "correct", looks,
        issue=row, fields=sorted(fields, key=lambda field: not field.problems), rule=page["rule"],
        is_split=bool(page["fields"]), whole=page["whole"], is_masked=is_masked,
        shown=shown, seen=number(form.get("seen")) or _newest(acts), reason=form.get("reason", ""),
        wrong=wrong, may_correct=row["status"] == "open" and row["raw_row"] is not None,
    )  # fmt: skip
    answer.status_code = 422 if wrong else 200
    return answer


def _about(connection: Connection[Any], row: dict[str, Any], mask: Mask) -> dict[str, Any]:
    """What a page shows of the row of an issue."""
    contract = records.contract_of(row["source_system"], row["feed"])
    has_row = row["batch_id"] is not None and row["file_row"] is not None
    issues = (
        warehouse.query(connection, "pages/issues_of_row", row["batch_id"], row["file_row"])
        if has_row
        else []
    )
    raw = None
    if row["raw_row"] is not None:
        raw = warehouse.query(connection, "pages/quarantined_row", row["batch_id"], row["file_row"])
    own = records.values(raw[0] if raw else None, contract)
    if own is None and raw is None and contract and has_row:
        own = records.accepted_row(connection, contract, row["batch_id"], row["file_row"])
    open_ones = [other for other in issues if other["status"] == "open"] or issues
    check = records.check_of(connection, row)
    failing = records.failing_rows(connection, contract, check, mask)
    fields = records.row_fields(contract, own, open_ones, mask) if contract and own else None
    versions = records.versions(connection, contract, row, own, mask) if contract else []
    value = mask.value(contract, row["column_name"] or "", row["raw_value"])
    whole = None if fields else mask.value(contract, "", row["raw_row"])
    shown = [value, whole, *(field.value for field in fields or ())]
    shown += [other for version in versions for other in (version.whole, *version.values.values())]
    return {
        "contract": contract,
        "others": [other for other in issues if other["issue_id"] != row["issue_id"]],
        "rule": records.in_words(contract, row),
        "fields": fields,
        "whole": whole,
        "value": value,
        "versions": versions,
        "check": check,
        "failing": failing,
        "is_masked": failing["are_masked"] or any(each and each.is_masked for each in shown),
    }


def _issue(connection: Connection[Any], looks: Person, issue_id: int) -> dict[str, Any]:
    """An issue of a source that the person may see.

    Raises:
        HTTPException: there is none (404).
    """
    rows = warehouse.query(connection, "pages/issue", issue_id) if issue_id < 2**63 else []
    if not rows:
        raise HTTPException(404)
    looks.must_see(rows[0]["source_system"])
    return rows[0]


def _place(looks: Person, issue_id: int) -> str:
    """The page of an issue that the person may decide about."""
    with database.as_viewer() as connection:
        looks.must_run(_issue(connection, looks, issue_id)["source_system"])
    return f"issues/{issue_id}"


def _acts(connection: Connection[Any], row: dict[str, Any]) -> list[dict[str, Any]]:
    return warehouse.query(
        connection, "pages/acts", row["issue_id"], row["batch_id"], row["file_row"]
    )


def _newest(acts: list[dict[str, Any]]) -> int:
    """The newest act that a person is shown."""
    return max((act["act_id"] for act in acts), default=0)


def _blank(contract: contracts.Contract | None) -> list[records.Field]:
    return [records.Field(column, None) for column in contract.columns] if contract else []


def refuse(request: Request, looks: Person, error: Exception, place: str) -> HTMLResponse:
    """Say why nothing was done."""
    message = str(error)
    answer = answers.show(
        request, "not_done", looks, message=f"{message[0].upper()}{message[1:]}.", place=place
    )
    answer.status_code = 409
    return answer


def text(form: FormData, name: str) -> str:
    """What a form says; not longer than any of its fields lets a person write."""
    return str(form.get(name, "")).replace("\0", "")[:LONGEST]


def number(value: object) -> int | None:
    """The number of something in a form; None where it is none."""
    digits = str(value)
    is_number = digits.isascii() and digits.isdecimal() and len(digits) < 19
    return int(digits) if is_number else None


def _is_issue(place: str) -> bool:
    return place.startswith("issues/") and number(place.removeprefix("issues/")) is not None
