"""What must hold of every page as a browser shows it."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

BAD = {"serious", "critical"}


def faults(page: Page) -> list[str]:
    """What axe-core finds serious or critical on *page*, whose context must have ``bypass_csp``."""
    found = Axe().run(page).response["violations"]
    return [
        f"{fault['id']}: {node['target']} {node['failureSummary']}"
        for fault in found
        if fault["impact"] in BAD
        for node in fault["nodes"]
    ]


def complaints(page: Page) -> list[str]:
    """A list that fills with the errors of the page's console and scripts: blocked by the policy, or thrown."""
    heard: list[str] = []
    page.on(
        "console", lambda message: heard.append(message.text) if message.type == "error" else None
    )
    page.on("pageerror", lambda error: heard.append(str(error)))
    return heard
