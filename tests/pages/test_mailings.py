"""A dashboard that somebody asks to be mailed is approved, refused or stopped by somebody else who may."""

from __future__ import annotations

import io
import json
import time
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from zoneinfo import ZoneInfo

import pikepdf
import psycopg
import pytest
from local.airflow_api import Airflow
from psycopg.rows import dict_row
from tests.pages.looks import complaints, faults
from tests.worlds.pdf_text import text_of

ADDRESS = "network-contracts@unitedhealthcare.example"
LOGIN = "client_unitedhealthcare__network_analyst"
PLACE = "/claimhouse/mailings"


@pytest.fixture
def asked(demo):
    """Keep that somebody asks for a mail; returns its number."""
    with psycopg.connect(demo.warehouse, autocommit=True, row_factory=dict_row) as warehouse:
        made = []

        def ask(person="kim", recipient=ADDRESS, dashboard="unitedhealthcare", weekday=1):
            row = warehouse.execute(
                "insert into portal.mailing"
                " (login, person, dashboard, filters, format, weekday, recipient, time_zone)"
                " values (%s, %s, %s, %s, 'pdf', %s, %s, 'America/Chicago') returning mailing_id",
                (LOGIN, person, dashboard, json.dumps([]), weekday, recipient),
            ).fetchone()
            made.append(row["mailing_id"])
            return row["mailing_id"]

        def state(mailing):
            return warehouse.execute(
                "select is_approved, decided_by, reason, ended_by from portal.mailing where mailing_id = %s",
                (mailing,),
            ).fetchone()

        yield ask, state
        warehouse.execute("delete from portal.mailing where mailing_id = any(%s)", (made,))


def test_somebody_else_approves_and_stops_it(asked, enter):
    ask, state = asked
    mailing = ask()
    page = enter("reviewer")
    heard = complaints(page)
    page.goto("/claimhouse/")
    page.locator("#person ~ div").get_by_role("link", name="mail asked for").first.click()
    page.wait_for_url(f"**{PLACE}")
    section = page.locator("section", has=page.locator(f"#mailing{mailing}"))
    assert ADDRESS in section.inner_text() and "UnitedHealthcare" in section.inner_text()
    section.get_by_role("button", name=f"Approve {mailing}").click()
    page.wait_for_url(f"**{PLACE}")
    assert "06:00 America/Chicago" in section.inner_text() and "Next" in section.inner_text()
    assert state(mailing) == {
        "is_approved": True,
        "decided_by": "reviewer",
        "reason": None,
        "ended_by": None,
    }
    page.get_by_role("button", name=f"Stop {mailing}").click()
    page.wait_for_url(f"**{PLACE}")
    assert state(mailing)["ended_by"] == "reviewer"
    assert heard == []


def test_what_is_approved_is_mailed_by_the_dag_and_says_what_the_page_says(
    asked, enter, demo, house
):
    ask, _ = asked
    # It goes on the day on which it is approved, from six in the morning in Chicago on.
    early = datetime.now(ZoneInfo("America/Chicago")) - timedelta(hours=6)
    mailing = ask(weekday=early.isoweekday())
    page = enter("reviewer")
    page.goto(PLACE)
    page.get_by_role("button", name=f"Approve {mailing}").click()
    page.wait_for_url(f"**{PLACE}")
    with psycopg.connect(demo.warehouse, autocommit=True) as warehouse:
        (own,) = warehouse.execute(
            "update delivery.subscription set starts_at = starts_at - interval '1 day' where mailing_id = %s"
            " returning subscription_id", (mailing,),
        ).fetchone()  # fmt: skip
    airflow = Airflow(int(house.address.rpartition(":")[2]), "admin", house.passwords["admin"])
    run = airflow.trigger("deliver", "a dashboard by mail")
    while (state := airflow.run("deliver", run)["state"]) not in ("success", "failed"):
        time.sleep(1)
    assert state == "success"
    (content,) = (
        part.get_content()
        for file in (demo.folder / "mail").glob("*.eml")
        for part in message_from_bytes(file.read_bytes(), policy=policy.default).iter_attachments()
        if part.get_filename().startswith(f"{own}.")
    )
    plain = io.BytesIO()
    with pikepdf.open(
        io.BytesIO(content), password=demo.secrets["EXTRACT_PASSWORD_UNITEDHEALTHCARE"]
    ) as document:
        document.save(plain)
    text = text_of(plain.getvalue())
    with house.client("admin") as admin:
        shown = admin.get(
            f"/claimhouse/dashboards/as/{LOGIN}/unitedhealthcare/tile-1-5.csv"
        ).text.split()
    assert f"Encounters {int(shown[-1]):,} " in text and shown[0] == "encounters"
    page.reload()
    section = page.locator("section", has=page.locator(f"#mailing{mailing}"))
    assert "Last mailed" in section.inner_text() and "Not mailed" not in section.inner_text()


def test_a_refusal_says_why(asked, enter):
    ask, state = asked
    mailing = ask()
    page = enter("reviewer", bypass_csp=True)
    page.goto(PLACE)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert faults(page) == []
    section = page.locator("section", has=page.locator(f"#mailing{mailing}"))
    section.get_by_label("Why not").fill("not yours to send")
    section.get_by_role("button", name=f"Refuse {mailing}").click()
    page.wait_for_url(f"**{PLACE}")
    assert state(mailing) == {
        "is_approved": False, "decided_by": "reviewer", "reason": "not yours to send", "ended_by": None,
    }  # fmt: skip


def token_of(client):
    text = client.get(PLACE).text
    return text.partition('name="token" value="')[2].partition('"')[0]


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"person": "reviewer"}, 403, "Somebody else"),
        ({"recipient": "me@elsewhere.example"}, 409, "this address"),
        ({"dashboard": "senior_management"}, 409, "does not open"),
        ({"dashboard": "nothing"}, 409, "does not open"),
    ],
)
def test_what_may_not_be_mailed_is_not_approved(asked, house, change, status, words):
    ask, state = asked
    mailing = ask(**change)
    with house.client("reviewer") as reviewer:
        answer = reviewer.post(
            f"{PLACE}/{mailing}/approve",
            data={"token": token_of(reviewer)},
            headers={"Origin": house.address},
        )
    assert answer.status_code == status and words in answer.text
    assert state(mailing)["is_approved"] is None


def test_it_is_decided_once_by_who_may(asked, house):
    ask, state = asked
    mailing = ask()
    with house.client("viewer") as viewer:
        assert viewer.get(PLACE).status_code == 403
    with house.client("reviewer") as reviewer:
        send = {"data": {"token": token_of(reviewer)}, "headers": {"Origin": house.address}}
        assert reviewer.post(f"{PLACE}/{mailing}/stop", **send).status_code == 409
        assert reviewer.post(f"{PLACE}/{mailing}/refuse", **send).status_code == 400
        assert reviewer.post(f"{PLACE}/{mailing}/approve", **send).status_code == 303
        assert reviewer.post(f"{PLACE}/{mailing}/approve", **send).status_code == 409
        send["data"] |= {"reason": "too late"}
        assert reviewer.post(f"{PLACE}/{mailing}/refuse", **send).status_code == 409
    assert state(mailing)["is_approved"] is True
