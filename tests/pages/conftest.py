"""A browser, and people who are signed in to the Airflow of the demo."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
from local.screenshot import FLAGS, chromium
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from tests.system.running import System

PATIENCE_MS = 20_000


@dataclass(frozen=True)
class House:
    """The Airflow of a running system.

    Attributes:
        address: of its UI.
        passwords: by login.
    """

    address: str
    passwords: dict[str, str]

    def client(self, login: str | None) -> httpx.Client:
        """A client of the pages that is signed in as *login*, as a browser would be; None: nobody."""
        cookies = {"_token": self.token(login)} if login else None
        return httpx.Client(base_url=self.address, cookies=cookies, timeout=30)

    def token(self, login: str) -> str:
        """What a browser of *login* keeps of the session."""
        credentials = {"username": login, "password": self.passwords[login]}
        answer = httpx.post(f"{self.address}/auth/token", json=credentials, timeout=30)
        answer.raise_for_status()
        return str(answer.json()["access_token"])


@pytest.fixture(scope="session")
def house(demo: System) -> House:
    """The demo's Airflow."""
    port = json.loads((demo.folder / "run" / "ports.json").read_text())["api-server"]
    passwords = {
        name.removesuffix("_PASSWORD").lower(): value
        for name, value in demo.secrets.items()
        if name.endswith("_PASSWORD")
    }
    return House(f"http://localhost:{port}", passwords)


# Not for the session: the loop that drives it would be the one of all tests that come after in this process.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def enter(house: House, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open a browser window in which a person is signed in: ``enter("viewer")``."""
    contexts: list[BrowserContext] = []

    def window(login: str, **options: object) -> Page:
        context = browser.new_context(base_url=house.address, **options)
        contexts.append(context)
        context.add_cookies([{"name": "_token", "value": house.token(login), "url": house.address}])
        context.set_default_timeout(PATIENCE_MS)
        return context.new_page()

    yield window
    for context in contexts:
        context.close()
