"""Dashboards that people ask to be mailed: somebody else approves each before anything is mailed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from claimhouse import warehouse
from claimhouse.dashboards import known, mailed, mailings
from claimhouse.pages import answers, database
from claimhouse.pages.rights import Approves, Form

routes = APIRouter()

MailingId = Annotated[int, Path(ge=1, le=2**63 - 1)]
LONGEST_REASON = 1_000


@routes.get("/mailings")
def show(request: Request, approves: Approves) -> HTMLResponse:
    """What waits for approval, what is mailed, and what was decided."""
    with database.as_viewer() as connection:
        rows = warehouse.query(connection, "pages/mailings")
    return answers.show(
        request, "mailings", approves,
        rows=[row | _described(row) for row in rows], weekdays=mailed.WEEKDAYS,
        formats=mailings.FORMATS,
    )  # fmt: skip


@routes.post("/mailings/{mailing_id}/{decision}")
def decide(
    request: Request, approves: Approves, mailing_id: MailingId, form: Form,
    decision: Literal["approve", "refuse", "stop"],
) -> RedirectResponse:  # fmt: skip
    """Approve, refuse or stop a mail.

    Raises:
        HTTPException: 409, it is decided already, or may not be approved; 400, a refusal needs a reason.
    """
    reason = str(form.get("reason", "")).replace("\0", "").strip()[:LONGEST_REASON]
    if decision == "refuse" and not reason:
        raise HTTPException(400, "Say why: whoever asked for it reads that.")
    with database.as_reviewer() as connection:
        if decision == "stop":
            done = warehouse.query(connection, "pages/end_mailing", mailing_id, approves.name)
        else:
            waiting = warehouse.query(connection, "pages/mailing", mailing_id)
            if waiting and decision == "approve":
                _check(waiting[0], approves.name)
            done = warehouse.query(
                connection, "pages/decide_mailing", mailing_id, approves.name,
                decision == "approve", reason or None,
            )  # fmt: skip
    if not done:
        raise HTTPException(409, "Somebody has decided this already.")
    return answers.go_to(request, "mailings")


def _check(row: dict[str, Any], approver: str) -> None:
    """Refuse to approve what may not be mailed.

    Raises:
        HTTPException: 403, one's own; 409, it may not be mailed.
    """
    if row["person"].lower() == approver.lower():
        raise HTTPException(403, "Somebody else must approve what you ask for.")
    if problem := _described(row)["problem"]:
        raise HTTPException(409, problem)


def _described(row: dict[str, Any]) -> dict[str, Any]:
    """The reader and the dashboard of a mail, its filters in words, when it goes, and why it cannot be mailed."""
    dashboard, reader = known.dashboards().get(row["dashboard"]), mailed.reader_of(row["login"])
    return {
        "title": dashboard.title if dashboard else row["dashboard"],
        "reader": reader.title if reader else row["login"],
        "filters": mailings.words(dashboard, row["filters"]) if dashboard else "",
        "problem": mailed.why_not(row["login"], row["dashboard"], row["recipient"], row["filters"]),
        "next": mailings.next_mail(row) if row.get("schedule") else "",
    }
