"""Take screenshots of the running Airflow UI for the README: ``python -m local.screenshot``.

The system must be up after `make demo`. Chromium is required.
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
SETTLE_MS = 4_000  # charts are drawn after their data has loaded


def chromium() -> str:
    """The path of Chromium on this machine; the variable ``CHROMIUM`` goes first.

    Raises:
        SystemExit: Chromium is not installed.
    """
    for name in (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome"):
        if name and (path := shutil.which(name)):
            return path
    raise SystemExit(
        "Chromium was not found: apt-get install chromium, or set CHROMIUM to its path"
    )


def main() -> None:
    """Save the list of DAGs, and the grid and the graph of the last ingest run."""
    browser_path = chromium()
    addresses = system.running()
    if addresses is None:
        raise SystemExit("the system is not running: make demo")
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
    """Save a screenshot of *path* as *name*.

    Args:
        page: the logged-in browser page.
        path: the path of the page.
        name: the picture's file name.
        expected: a text that is visible once the page has loaded.
        press: the first words of the label of a button to press; the details panel beside
            the graph is then collapsed.
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
