"""The pages under Airflow's other login, FAB, and below a path: production's, behind a proxy of many services.

The demo has Airflow's simple login. A second API server answers here, for the same Airflow.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser
from tests.pages.looks import complaints
from tests.pages.test_frame import LISTS, routes  # noqa: F401 (a fixture)
from tests.system.running import System
from tests.worlds.delivery_world import free_port

SOURCES = ("billing", "billing_exports", "clinic", "hospital", "pended")
PATH = "/air"
PASSWORD = "of everybody"
START_SECONDS = 120
# Each login, its role and what a role of our own may do, as docs/pages.md says.
ROLES: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "viewer": ("Viewer", []),
    "user": ("User", []),
    "admin": ("Admin", []),
    "public": ("Public", []),
    "looker": ("Looks at billing", [("can_read", "DAG:ingest_billing")]),
    "biller": (
        "Works on billing",
        [
            ("can_read", "DAG:ingest_billing"),
            ("can_edit", "DAG:ingest_billing"),
            ("can_create", "DAG Run:ingest_billing"),
            ("can_read", "Plugins"),
        ],
    ),
}
RUNNERS = {"user", "admin", "biller"}
OF_BILLING = {"looker", "biller"}
NOBODYS = {"public"}

SET_UP = """
import json, sys
from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder
from airflow.providers.fab.auth_manager.models.db import FABDBManager
from airflow.utils.session import create_session

with create_session() as session:
    FABDBManager(session).upgradedb()
with get_application_builder() as builder:
    manager = builder.sm
    manager.sync_roles()
    roles, password = json.load(sys.stdin)
    for login, (name, permissions) in roles.items():
        role = manager.find_role(name) or manager.add_role(name)
        for action, resource in permissions:
            manager.add_permission_to_role(role, manager.create_permission(action, resource))
        if not manager.find_user(username=login):
            manager.add_user(login, login, login, f"{login}@x.example", role, password=password)
"""


@dataclass(frozen=True)
class Below:
    """An Airflow with FAB's login below a path.

    Attributes:
        origin: the address without the path.
    """

    origin: str

    @cache  # noqa: B019 (few, and a session each)
    def token(self, login: str) -> str:
        """What a browser of *login* keeps of the session."""
        credentials = {"username": login, "password": PASSWORD}
        answer = httpx.post(f"{self.origin}{PATH}/auth/token", json=credentials, timeout=60)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def client(self, login: str | None) -> httpx.Client:
        """A client that is signed in as *login*; None: nobody."""
        cookies = {"_token": self.token(login)} if login else None
        return httpx.Client(base_url=f"{self.origin}{PATH}", cookies=cookies, timeout=60)


@pytest.fixture(scope="module")
def below(demo: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Below]:
    """A second API server of the demo's Airflow."""
    part = json.loads((demo.folder / "run" / "api-server.part").read_text())
    port = free_port()
    manager = "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"
    settings = part["environment"] | {
        "AIRFLOW__CORE__AUTH_MANAGER": manager,
        "AIRFLOW__API__BASE_URL": f"http://localhost:{port}{PATH}",
        "AIRFLOW__API__PORT": str(port),
    }
    subprocess.run(
        [sys.executable, "-c", SET_UP], env=settings, input=json.dumps([ROLES, PASSWORD]),
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    log = tmp_path_factory.mktemp("fab") / "api-server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            part["command"], env=settings, stdout=output, stderr=output, start_new_session=True
        )
    origin = f"http://localhost:{port}"
    try:
        _wait(f"{origin}{PATH}/api/v2/monitor/health", server, log)
        yield Below(origin)
    finally:
        server.kill()
        server.wait()


def _wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            if httpx.get(address, timeout=5).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.3)
    raise AssertionError(log.read_text()[-3000:])


def test_each_role_sees_the_sources_whose_ingest_dag_it_may_read(below: Below) -> None:
    with below.client(None) as nobody:
        assert {nobody.get(address).status_code for address in LISTS} == {401}
    for login in ROLES:
        with below.client(login) as person:
            answer = person.get("/claimhouse/")
            assert (answer.status_code, login) == (403 if login in NOBODYS else 200, login)
            shown = {source for source in SOURCES if f"<td>{source}</td>" in answer.text}
            others = set() if login in NOBODYS else set(SOURCES)
            assert (login, shown) == (login, {"billing"} if login in OF_BILLING else others)


def test_each_role_changes_what_it_may_trigger(below: Below, routes: Any) -> None:  # noqa: F811
    """Past the question of rights, a change with another token than a form's is refused."""
    changes = [(method, address) for method, address in routes if method != "GET"]
    for login in ROLES:
        with below.client(login) as person:
            for method, address in changes:
                headers = {"Origin": below.origin, "X-Claimhouse-Token": "forged"}
                answer = person.request(method, address, headers=headers)
                assert (login, address, answer.status_code) == (login, address, 403)
                # Whoever may look at dashboards may ask for one by mail.
                is_of_dashboard = "/dashboards/as/" in address
                may_change = login in RUNNERS or (is_of_dashboard and login not in NOBODYS)
                assert ("too old" in answer.text) == may_change, (login, address)
                foreign = {"Origin": "http://elsewhere.example"}
                answer = person.request(method, address, headers=foreign)
                assert "does not come from a page" in answer.text


def test_who_may_read_plugins_has_the_pages_in_the_navigation(
    below: Below, browser: Browser
) -> None:
    """Whoever may not has their address: docs/pages.md."""
    for login in ("biller", "looker"):
        context = browser.new_context(base_url=below.origin)
        context.set_default_timeout(20_000)
        context.add_cookies([{"name": "_token", "value": below.token(login), "url": below.origin}])
        page = context.new_page()
        page.goto(f"{PATH}/")
        page.get_by_role("link", name="Dags").first.wait_for()
        item = page.get_by_role("link", name="Claimhouse", exact=True)
        if login == "looker":
            assert item.count() == 0
            own = context.new_page()
            heard = complaints(own)
            own.goto(f"{PATH}/claimhouse/")
            own.get_by_role("link", name="Files", exact=True).first.click()
            own.get_by_role("heading", name="Files", level=1).wait_for()
            assert heard == []
        else:
            item.first.click()
            frame = page.frame_locator("iframe")
            frame.get_by_role("heading", name="Overview", level=1).wait_for()
            assert f"{PATH}/plugin/claimhouse" in page.url
        context.close()
