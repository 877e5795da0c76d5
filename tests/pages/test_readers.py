"""Who opens whose dashboards: in Airflow the logins given to a user, in the portal the one of the account."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import httpx
import pytest
from local.readers_portal import ACCOUNTS, variable
from tests.pages.looks import complaints, faults

CLINICS = ACCOUNTS["clinics"]


@pytest.fixture(scope="module")
def address(demo) -> str:
    """The address of the portal."""
    port = json.loads((demo.folder / "run" / "ports.json").read_text())["portal"]
    return f"http://localhost:{port}"


@pytest.fixture
def portal(demo, address) -> Iterator[httpx.Client]:
    """A browser that knows the portal."""
    with httpx.Client(base_url=address, headers={"Origin": address}, timeout=60) as client:
        yield client


def sign_in(portal: httpx.Client, demo, name: str) -> None:
    portal.cookies.clear()
    page = portal.get("/sign-in").text
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
    password = demo.secrets[variable(name)]
    answer = portal.post("/sign-in", data=fields | {"name": name, "password": password})
    assert answer.status_code == 303, answer.text


def test_a_user_of_airflow_reads_as_the_logins_that_are_given(house):
    with house.client("admin") as admin:
        page = admin.get("/claimhouse/dashboards").text
        for login in ACCOUNTS.values():
            assert f'id="{login}"' in page
        assert (
            admin.get(f"/claimhouse/dashboards/as/{CLINICS}/clinic_operations").status_code == 200
        )


@pytest.mark.parametrize("login", ["viewer", "reviewer"])
def test_nobody_else_does(house, login):
    with house.client(login) as person:
        page = person.get("/claimhouse/dashboards").text
        assert "No dashboards are open to you" in page
        assert "analyst" not in page
        for reader in ACCOUNTS.values():
            answer = person.get(f"/claimhouse/dashboards/as/{reader}/clinic_operations")
            assert answer.status_code == 404
            assert reader not in answer.text


@pytest.mark.parametrize(
    "login", ["client_summit_ortho__analyst", "client_humana", "nobody", "%00", "claimhouse_portal"]
)
def test_a_login_that_is_not_given_is_not_there(house, login):
    with house.client("admin") as admin:
        for page in ("clinic_operations", "explore", "clinic_operations/file.csv"):
            assert admin.get(f"/claimhouse/dashboards/as/{login}/{page}").status_code == 404


def test_a_login_opens_no_dashboard_of_another(house):
    with house.client("admin") as admin:
        answer = admin.get(f"/claimhouse/dashboards/as/{ACCOUNTS['hospice']}/clinic_operations")
        assert answer.status_code == 404


def test_each_account_of_the_demo_opens_its_dashboards(portal, demo):
    """The list has those that the reader opens, each opens, and no other does."""
    opened = {}
    for name in ACCOUNTS:
        sign_in(portal, demo, name)
        found = set(re.findall(r'href="(/dashboards/\w+)"', portal.get("/").text))
        opened[name] = found - {"/dashboards/explore"}
    everything = set().union(*opened.values())
    assert opened["clinics"]
    for name in ("hospice", "clinics"):
        sign_in(portal, demo, name)
        for dashboard in sorted(everything):
            expected = 200 if dashboard in opened[name] else 404
            assert portal.get(dashboard).status_code == expected, (name, dashboard)


def test_nobody_opens_one_without_signing_in(portal):
    answer = portal.get("/dashboards/clinic_operations?facility=x")
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/sign-in?next=%2Fdashboards")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_sign_in(browser, demo, address, scheme):
    context = browser.new_context(base_url=address, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()
    heard = complaints(page)
    page.goto("/dashboards/clinic_operations")
    assert faults(page) == []
    page.get_by_label("Name").fill("clinics")
    page.get_by_label("Password").fill(demo.secrets[variable("clinics")])
    page.get_by_label("Password").press("Enter")
    page.wait_for_url("**/dashboards/clinic_operations")
    page.get_by_role("link", name="Dashboards", exact=True).click()
    page.get_by_role("heading", level=1, name="Clinic operations").wait_for()
    assert faults(page) == []
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")
    page.go_back()
    page.reload()
    assert "/sign-in" in page.url
    assert heard == []
    context.close()
