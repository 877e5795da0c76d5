"""A portal that is served as in production, in a warehouse with two clients."""

from __future__ import annotations

import re
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import uvicorn
from argon2 import PasswordHasher
from tests.worlds.client_world import client_file, roles_file
from tests.worlds.hospital_world import Hospital
from tests.worlds.hospital_world import database as migrated
from tests.worlds.portal_world import portal

from claimhouse import reporting, settings
from claimhouse.dashboards import database as reading
from claimhouse.portal import accounts, application, database, hashing, provider, serve

# Tests take one that is quick.
REAL_HASHER = hashing._hasher
PASSWORD = "sunny orchard 42 lamps"


class Portal:
    """The portal, its owner's connection, and who reads."""

    def __init__(self, owner: psycopg.Connection[Any], address: str, folder: Path) -> None:
        self.owner, self.warehouse, self.folder = owner, address, folder
        self.hospital = Hospital(owner, address, encounters=60)
        tag = uuid.uuid4().hex[:6]
        self.united, self.humana = f"united_{tag}", f"humana_{tag}"
        self.analyst = f"client_{self.united}__analyst"
        self.desk = f"client_{self.humana}__desk"
        self.url = ""
        self.write_united(["analyst"])
        client_file(
            folder, self.humana, ("hospital", {"payers": ["Humana"]}),
            reports=["member_encounters"], logins=["desk"], title="Humana's readers",
        )  # fmt: skip
        roles_file(folder / "roles.yml")
        self.publish()

    def write_united(self, people: list[str]) -> None:
        """The file of UnitedHealthcare with these people."""
        client_file(
            self.folder, self.united, ("hospital", {"payers": ["UnitedHealthcare"]}),
            reports=["member_encounters"], logins=people, title="United's readers",
        )  # fmt: skip

    def publish(self) -> None:
        """Publish what the files say."""
        reporting.publish(self.owner, self.folder, self.folder / "roles.yml")

    def add(self, name: str, login: str, kind: str = accounts.LOCAL) -> None:
        """An account with the password of all of them."""
        accounts.add(self.owner, kind, name, login, PASSWORD if kind == accounts.LOCAL else None)

    def browser(self) -> httpx.Client:
        """A browser that is not signed in."""
        return httpx.Client(base_url=self.url, headers={"Origin": self.url}, timeout=30)

    def sign_in(
        self, browser: httpx.Client, name: str, password: str = PASSWORD, place: str = ""
    ) -> httpx.Response:
        """Sign in with the form of the page."""
        page = browser.get("/sign-in", params={"next": place} if place else None)
        fields = hidden(page.text) | {"name": name, "password": password}
        return browser.post("/sign-in", data=fields)

    def signed_in(self, name: str) -> httpx.Client:
        """A browser that is signed in."""
        browser = self.browser()
        answer = self.sign_in(browser, name)
        assert answer.status_code == 303, answer.text
        return browser

    def noted(self, name: str | None) -> dict[str, int]:
        """What came of the attempts at an account."""
        rows = self.owner.execute(
            "select outcome, sum(attempts)::int from portal.sign_in where name is not distinct from %s"
            " group by outcome",
            (name,),
        )
        return dict(rows.fetchall())


def hidden(page: str) -> dict[str, str]:
    """The hidden fields of a page's form."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))


@contextmanager
def served() -> Iterator[str]:
    """The portal, served in a thread; yields its address."""
    config = uvicorn.Config(
        application.application(), host="127.0.0.1", port=int(settings.portal_address().rsplit(":", 1)[1]),
        http=serve.Protocol, ws="none", lifespan="off", log_level="error", access_log=False,
        server_header=False, proxy_headers=False, h11_max_incomplete_event_size=serve.LARGEST_HEADERS,
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield settings.portal_address()
    finally:
        server.should_exit = True
        thread.join()


def free_port() -> int:
    """A port on which nothing listens."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def world(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with (
        migrated(server) as (address, owner),
        portal(address),
        pytest.MonkeyPatch.context() as patch,
    ):
        database.close()
        patch.setenv("CLAIMHOUSE_PORTAL_ADDRESS", f"http://localhost:{free_port()}")
        # What is limited has a test of its own.
        patch.setenv("CLAIMHOUSE_PORTAL_SIGN_INS_PER_MINUTE", "0")
        patch.setenv("CLAIMHOUSE_PORTAL_REQUESTS_PER_MINUTE", "0")
        patch.setattr(application, "STEP_SECONDS", 0)
        patch.setattr(
            hashing, "_hasher", PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1)
        )
        hashing._of_nobody.cache_clear()
        made = Portal(owner, address, tmp_path_factory.mktemp("portal"))
        made.add("Ann@united.example", made.analyst)
        made.add("hugo", made.desk)
        with served() as made.url:
            yield made
        database.close()
        reading.close()


@pytest.fixture(autouse=True)
def afresh() -> Iterator[None]:
    yield
    provider.forget()
