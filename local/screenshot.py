"""Takes pictures of the running Airflow UI for the README: ``python -m local.screenshot``.

It needs the system to be up after `make demo`, and a Chromium.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from local import environment, places, system
from local.airflow_api import Airflow

FOLDER = places.ROOT / "docs" / "images"
WINDOW = {"width": 1440, "height": 900}
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000
SETTLE_MS = 4_000  # charts are drawn after their data has come


def chromium() -> str:
    """The path of this machine's Chromium; ``CHROMIUM`` names another one.

    Raises:
        SystemExit: there is none.
    """
    for name in (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"):
        if name and (found := shutil.which(name)):
            return found
    raise SystemExit("no Chromium was found: apt-get install chromium, or name one in CHROMIUM")


def main() -> None:
    """Save the list of DAGs, and the grid and the graph of the last ingest run."""
    browser_path = chromium()
    addresses = system.running()
    if addresses is None:
        raise SystemExit("the system does not run: make demo")
    password = environment.known_secrets()["ADMIN_PASSWORD"]
    last = _last_ingest(Airflow(addresses.api_port, environment.LOGIN, password))
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        page = browser.new_page(viewport=WINDOW, base_url=addresses.ui)
        page.set_default_timeout(PATIENCE_MS)
        _log_in(page, password)
        _save(page, "/dags", "airflow-dags.png", "watch_landing")
        _save(page, f"/dags/{last['dag_id']}", "airflow-ingest.png", last["dag_id"])
        run = f"/dags/{last['dag_id']}/runs/{last['dag_run_id']}"
        _save(page, run, "airflow-ingest-graph.png", "load_dimensions", press="Show Graph")
        browser.close()


def _last_ingest(airflow: Airflow) -> dict[str, str]:
    runs = [run for run in airflow.runs() if run["dag_id"].startswith("ingest_")]
    if not runs:
        raise SystemExit("no ingest DAG has run yet: make demo")
    return runs[0]


def _log_in(page: Page, password: str) -> None:
    page.goto("/")
    page.fill("input[name=username]", environment.LOGIN)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_url(lambda address: "login" not in address)


def _save(page: Page, path: str, name: str, expected: str, press: str | None = None) -> None:
    """Save what is seen at *path* as *name*.

    Args:
        page: the logged-in browser page.
        path: where to go.
        name: the picture's file name.
        expected: a text that is there once the page has come.
        press: the beginning of a button's label to press first; the panel beside the picture
            it brings is folded away.
    """
    page.goto(path)
    page.get_by_text(expected).first.wait_for()
    if press:
        page.locator(f"button[aria-label^='{press}']").click()
        page.get_by_label("Collapse Details Panel").click()
    page.wait_for_timeout(SETTLE_MS)
    target: Path = FOLDER / name
    page.screenshot(path=target)
    print(f"saved {target.relative_to(places.ROOT)}")


if __name__ == "__main__":
    main()
