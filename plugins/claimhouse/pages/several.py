"""Decisions about several issues at once: what is done is what was shown."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response
from psycopg import Connection

from claimhouse import contracts, review, warehouse
from claimhouse.pages import answers, database, filters, records
from claimhouse.pages.filters import Chosen, Filters, Search
from claimhouse.pages.issues import number, refuse, text
from claimhouse.pages.rights import Form, Looks, Person

routes = APIRouter()

# Issues that are chosen one by one, and rows that are corrected alike, at most.
MOST_CHOSEN = 1_000
MOST_CORRECTED = 500
CHANGED = "Meanwhile some of these were closed, or opened again: look at the number. Nothing was done yet."


@routes.get("/issues/waive")
def confirm(
    request: Request,
    looks: Looks,
    chosen: Chosen,
    issue: Annotated[list[int], Query(max_length=MOST_CHOSEN)] = [],  # noqa: B006 (FastAPI copies it)
    every: str = "",
) -> HTMLResponse:
    """Ask before several issues are waived: how many, and which."""
    with database.as_viewer() as connection:
        found = _chosen(connection, looks, chosen, issue, every, highest=None)
    return _ask(request, looks, chosen, found, every)


@routes.post("/issues/waive")
def waive_several(request: Request, looks: Looks, form: Form) -> Response:
    """Waive what was shown: nothing else, and nothing at all where it has changed meanwhile."""
    chosen, every = filters.of(dict(form)), str(form.get("every", ""))
    words = chosen.words if every else "chosen one by one"
    try:
        with database.as_reviewer() as connection:
            found = _chosen(
                connection, looks, chosen, _listed(form), every, number(form.get("highest")) or 0
            )
            if not found or _mark(found) != form.get("mark"):
                return _ask(request, looks, chosen, found, every, CHANGED, text(form, "reason"))
            review.waive_open(connection, found, looks.name, text(form, "reason"), words)
    except review.ReviewError as error:
        return refuse(request, looks, error, "issues" + chosen.address)
    return answers.go_to(request, "acts")


@routes.get("/issues/correct")
def ask_value(
    request: Request,
    looks: Looks,
    chosen: Chosen,
    issue: Annotated[list[int], Query(max_length=MOST_CHOSEN)] = [],  # noqa: B006 (FastAPI copies it)
    every: str = "",
) -> HTMLResponse:
    """Ask for one value that is right in several rows: how many, and which."""
    with database.as_viewer() as connection:
        found = _chosen(connection, looks, chosen, issue, every, highest=None)
    return _ask_value(request, looks, chosen, found, every, {})


@routes.post("/issues/correct")
def correct_several(request: Request, looks: Looks, form: Form) -> Response:
    """Send the rows that were shown back through verification, each with one value that a person corrected."""
    chosen, every = filters.of(dict(form)), str(form.get("every", ""))
    with database.as_viewer() as connection:
        found = _chosen(
            connection, looks, chosen, _listed(form), every, number(form.get("highest")) or 0
        )
        rows = warehouse.query(connection, "pages/rows_of_issues", found)
    if not rows or _mark(found) != form.get("mark"):
        return _ask_value(request, looks, chosen, found, every, form, CHANGED)
    contract = records.contract_of(rows[0]["source_system"], rows[0]["feed"])
    column = str(form.get("column", ""))
    if (
        contract is None
        or len(rows) > MOST_CORRECTED
        or any(
            (row["source_system"], row["feed"]) != (contract.source_system, contract.feed)
            for row in rows
        )
        or column not in {known.name for known in contract.columns}
    ):
        return _ask_value(request, looks, chosen, found, every, form)
    try:
        reason = review.needed(text(form, "reason"))
    except review.ReviewError as error:
        return refuse(request, looks, error, "issues" + chosen.address)
    refused = {}
    for row in rows:
        try:
            _correct(looks, contract, row["issue_id"], {column: text(form, "value")}, reason)
        except review.ReviewError as error:
            refused[row["issue_id"]] = str(error)
    if not refused:
        return answers.go_to(request, "acts")
    answer = answers.show(
        request, "partly_done", looks, done=len(rows) - len(refused), refused=refused
    )
    answer.status_code = 409
    return answer


def _correct(
    looks: Person, contract: contracts.Contract, issue_id: int, changes: dict[str, str], reason: str
) -> None:
    """Correct one of several rows.

    Raises:
        ReviewError: it would be kept out again, or see :func:`claimhouse.review.correct`.
    """
    row = review.quarantined_row(issue_id, database.as_viewer)
    own = records.values(row, contract)
    if own is None:
        raise review.ReviewError("the row could not be split into fields; correct it by itself")
    if wrong := records.still_wrong(contract, {**own, **changes}):
        raise review.ReviewError("it would be kept out again: " + " ".join(wrong.values()))
    review.correct(issue_id, changes, looks.name, reason, connect=database.as_reviewer)


def _ask_value(
    request: Request,
    looks: Person,
    chosen: Filters,
    found: list[int],
    every: str,
    form: Any,
    note: str = "",
) -> HTMLResponse:
    with database.as_viewer() as connection:
        rows = warehouse.query(connection, "pages/rows_of_issues", found)
    feeds = {(row["source_system"], row["feed"]) for row in rows}
    contract = records.contract_of(*feeds.pop()) if len(feeds) == 1 else None
    failing = {name for row in rows for name in (row["column_name"] or "").split("|")}
    names = [column.name for column in contract.columns] if contract else []
    answer = answers.show(
        request, "correct_several", looks,
        filters=replace(chosen, state="open"), count=len(rows),
        left=len(found) - sum(row["issues"] for row in rows),
        contract=contract, most=MOST_CORRECTED,
        columns=sorted(names, key=lambda name: name not in failing),
        highest=max(found, default=0), mark=_mark(found), every=every, listed=() if every else found,
        note=note, value=form.get("value", ""), reason=form.get("reason", ""),
    )  # fmt: skip
    answer.status_code = 409 if note else 200
    return answer


def _listed(form: Any) -> list[int]:
    return [each for value in form.getlist("issue") if (each := number(value)) is not None]


def _chosen(
    connection: Connection[Any],
    looks: Person,
    chosen: Filters,
    listed: list[int],
    every: str,
    highest: int | None,
) -> list[int]:
    """The open issues that are chosen, of sources on which the person may act: those listed, or all that match.

    Of the latter none is newer than *highest*; None for the newest there is.
    """
    if not every:
        found = warehouse.query(connection, "pages/open_issues", listed, list(looks.runs))
        return [row["issue_id"] for row in found]
    search = Search(connection, looks.runs, replace(chosen, state="open"))
    if highest is None:
        highest = warehouse.query(connection, "pages/newest_issue")[0]["issue_id"] or 0
    return search.all_up_to(highest)


def _mark(issue_ids: list[int]) -> str:
    """A digest of some issues: what is done is what was shown."""
    return sha256(",".join(map(str, sorted(issue_ids))).encode()).hexdigest()[:32]


def _ask(
    request: Request,
    looks: Person,
    chosen: Filters,
    found: list[int],
    every: str,
    note: str = "",
    reason: str = "",
) -> HTMLResponse:
    with database.as_viewer() as connection:
        kinds = warehouse.query(connection, "pages/kinds_of_issues", found)
    answer = answers.show(
        request, "waive", looks,
        filters=replace(chosen, state="open"), count=len(found), kinds=kinds,
        highest=max(found, default=0), mark=_mark(found), every=every, listed=() if every else found,
        note=note, reason=reason,
    )  # fmt: skip
    answer.status_code = 409 if note else 200
    return answer
