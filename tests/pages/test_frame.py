"""What holds for every page: who is let in, what a browser may do, and that everybody can read it."""

from __future__ import annotations

import pytest
from fastapi.routing import APIRoute
from tests.pages.looks import complaints, faults

PEOPLE = ("viewer", "reviewer", "admin")
# A value for each parameter of a route's address.
VALUES = {
    "name": "claimhouse.css",
    "number": "1",
    "file_id": "1",
    "ending": "csv",
    "issue_id": "1",
    "act_id": "1",
    "batch_id": "1",
    "login": "staff_clinic_operations__analyst",
    "field": "payer",
    "tile": "one",
    "mailing_id": "1",
    "decision": "stop",
}
LISTS = (
    "/claimhouse/",
    "/claimhouse/upload",
    "/claimhouse/files",
    "/claimhouse/files/not-taken",
    "/claimhouse/files/1",
    "/claimhouse/issues",
    "/claimhouse/issues/1",
    "/claimhouse/issues?state=all&text=nothing%20like%20it",
    "/claimhouse/issues/waive?every=yes",
    "/claimhouse/issues/correct?every=yes&source=billing&feed=claims&rule=enum",
    "/claimhouse/acts",
    "/claimhouse/held",
    "/claimhouse/dashboards",
)


@pytest.fixture(scope="module")
def routes():
    """Every route of the application: method and address."""
    from claimhouse.pages import application

    pages = application().application
    assert all(isinstance(route, APIRoute) for route in pages.routes), pages.routes
    return sorted(
        (method, "/claimhouse" + route.path.format(**VALUES))
        for route in pages.routes
        for method in route.methods
    )


def test_nobody_is_answered_without_a_login(house, routes):
    with house.client(None) as nobody:
        for method, address in routes:
            answer = nobody.request(method, address, headers={"Origin": house.address})
            assert (answer.status_code, method, address) == (401, method, address)
        for page in ("docs", "redoc", "openapi.json", "static/../static/claimhouse.css"):
            assert nobody.get(f"/claimhouse/{page}").status_code in (401, 404)


def test_a_viewer_changes_nothing(house, routes):
    with house.client("viewer") as viewer:
        for method, address in routes:
            form = {"a": ""} if method == "POST" else None
            answer = viewer.request(method, address, headers={"Origin": house.address}, data=form)
            if method != "GET":
                assert (answer.status_code, address) == (403, address)


@pytest.mark.parametrize("login", PEOPLE)
def test_everybody_who_may_read_the_ingest_dags_may_look(house, login):
    with house.client(login) as person:
        for address in LISTS:
            assert person.get(address).status_code == 200


def test_a_change_comes_from_a_page_of_the_same_person_only(house, routes):
    changes = [(method, address) for method, address in routes if method != "GET"]
    with house.client("reviewer") as reviewer:
        for method, address in changes:
            for origin in ({}, {"Origin": "https://elsewhere.example"}, {"Origin": "null"}):
                answer = reviewer.request(method, address, headers=origin)
                assert (answer.status_code, address) == (403, address)
                assert "does not come from a page" in answer.text
            for token in ("", "forged", reviewer.cookies["_token"]):
                headers = {"Origin": house.address, "X-Claimhouse-Token": token}
                answer = reviewer.request(method, address, headers=headers)
                assert (answer.status_code, address) == (403, address)
                assert "too old" in answer.text


def test_every_answer_says_what_a_browser_may_do(house):
    with house.client("viewer") as viewer, house.client(None) as nobody:
        answers = [
            viewer.get("/claimhouse/"),
            viewer.get("/claimhouse/no such page"),
            viewer.get("/claimhouse/static/claimhouse.css"),
            viewer.post("/claimhouse/"),
            nobody.get("/claimhouse/"),
        ]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'self'" in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert [answer.headers["cache-control"] == "no-store" for answer in answers] == [
        True, True, False, True, True,
    ]  # fmt: skip


def test_the_pages_are_in_the_navigation_and_stay_in_the_frame(enter):
    page = enter("viewer")
    page.goto("/")
    page.get_by_role("link", name="Claimhouse", exact=True).first.click()
    frame = page.frame_locator("iframe")
    frame.get_by_role("heading", name="Overview", level=1).wait_for()
    assert "/plugin/claimhouse" in page.url


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_every_page(enter, scheme):
    page = enter("reviewer", color_scheme=scheme, bypass_csp=True)
    for address in LISTS:
        page.goto(address)
        assert faults(page) == []


def test_no_page_breaks_its_own_policy(enter):
    page = enter("reviewer")
    heard = complaints(page)
    for address in LISTS:
        page.goto(address)
        page.wait_for_load_state("networkidle")
    assert heard == []
