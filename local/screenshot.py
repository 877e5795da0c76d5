"""Take screenshots of the pages and of the Airflow UI for README and docs: ``python -m local.screenshot``.

The system must be up after `make demo`. Chromium is required.
"""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

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
SCHEMES: dict[Literal["light", "dark"], str] = {"light": "", "dark": "-dark"}
# Who opens each dashboard. The administrator of the demo may read as each of them.
DASHBOARDS = {
    "claims_analytics": "staff_revenue_cycle__analyst",
    "pended_queue": "staff_pended_team__analyst",
    "clinic_operations": "staff_clinic_operations__analyst",
    "unitedhealthcare": "client_unitedhealthcare__network_analyst",
    "humana": "client_humana__cardiology_desk",
    "advocates": "staff_advocates__analyst",
    "senior_management": "staff_senior_management__analyst",
    "pipeline_health": "staff_operations__analyst",
    "explore": "staff_clinic_operations__analyst",
}
EXPLORED = "?explore.number=no_show_rate&explore.rows=facility&explore.columns=service_month&explore.chart=heat"
# The page for a picture: a file as if somebody had just brought it. Its third row has no readable amount.
UPLOADED = "claims_20260109.csv"


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
    """Save each page, light and dark, then the list of DAGs, and the grid and the graph of the last ingest run."""
    browser_path = chromium()
    addresses = system.running()
    if addresses is None:
        raise SystemExit("the system is not running: make demo")
    secrets = environment.known_secrets()
    last = _last_ingest(Airflow(addresses.api_port, environment.LOGIN, secrets["ADMIN_PASSWORD"]))
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        for scheme, ending in SCHEMES.items():
            page = _enter(browser, addresses.ui, "reviewer", scheme)
            _save_pages(page, ending)
            page.context.close()
            page = _enter(browser, addresses.ui, environment.LOGIN, scheme)
            _save_dashboards(page, ending)
            page.context.close()
        page = _enter(browser, addresses.ui, environment.LOGIN, "light")
        _save(page, "/dags", "airflow-dags.png", "watch_landing")
        _save(page, f"/dags/{last['dag_id']}", "airflow-ingest.png", last["dag_id"])
        run = f"/dags/{last['dag_id']}/runs/{last['dag_run_id']}"
        _save(page, run, "airflow-ingest-graph.png", "load_facts", press="Show Graph")
        browser.close()


def _save_pages(page: Page, ending: str) -> None:
    """Save the pages, in Airflow's frame and in a window of their own."""
    page.goto(system.FRAME)
    page.frame_locator("iframe").get_by_role("heading", name="Overview", level=1).wait_for()
    _keep(page, f"overview{ending}.png")
    _save_page(page, "files", "Files", f"files{ending}.png")
    page.get_by_role("link", name=re.compile(r"^claims_\d{8}\.csv$")).last.click()
    page.get_by_role("heading", name="Download").wait_for()
    _keep(page, f"file{ending}.png")
    _save_page(page, "issues", "Issues", f"issues{ending}.png")
    page.goto("/claimhouse/issues?source=billing&feed=claims&rule=date")
    page.locator("tbody a").first.click()
    page.get_by_role("heading", name=re.compile("^Issue ")).wait_for()
    _keep(page, f"issue{ending}.png")
    _save_upload(page, ending)


def _save_dashboards(page: Page, ending: str) -> None:
    """Save the first screen of each dashboard, as somebody who may open it."""
    for name, login in DASHBOARDS.items():
        query = EXPLORED if name == "explore" else ""
        page.goto(f"/claimhouse/dashboards/as/{login}/{name}{query}")
        page.get_by_role("heading", level=1).wait_for()
        page.wait_for_timeout(SETTLE_MS)
        _keep(page, f"{name.replace('_', '-')}{ending}.png")


def _save_upload(page: Page, ending: str) -> None:
    """Save the pages of a file that waits to be processed, and take it back."""
    page.goto("/claimhouse/upload")
    page.locator("#files").set_input_files(
        {"name": UPLOADED, "mimeType": "text/csv", "buffer": _a_file()}
    )
    page.get_by_role("button", name="Upload", exact=True).click()
    page.wait_for_url(re.compile(r"/upload/\d+$"))
    _keep(page, f"uploaded{ending}.png")
    _save_page(page, "upload", "Upload", f"upload{ending}.png")
    page.get_by_role("link", name=UPLOADED).first.click()
    page.get_by_role("button", name=re.compile("^Take .* back$")).click()
    page.wait_for_url(re.compile(r"/upload(\?|$)"))


def _a_file() -> bytes:
    """Twenty rows of a sample that nobody has loaded, one with an amount that is none."""
    sample = sorted((places.SAMPLES / "billing").glob("claims_*.csv"))[0]
    with sample.open(newline="") as lines:
        titles, *rows = list(csv.reader(lines))[:21]
    for number, row in enumerate(rows, 1):
        row[titles.index("claim_id")] = f"CF#9{number:08}NN"
    rows[2][titles.index("total_cost")] = "see note"
    written = io.StringIO()
    csv.writer(written).writerows([titles, *rows])
    return written.getvalue().encode()


def _save_page(page: Page, place: str, heading: str, name: str) -> None:
    page.goto(f"/claimhouse/{place}")
    page.get_by_role("heading", name=heading, level=1).wait_for()
    _keep(page, name)


def _keep(page: Page, name: str) -> None:
    """Save what the window shows as ``pages-<name>``."""
    page.wait_for_load_state("networkidle")
    target = FOLDER / f"pages-{name}"
    page.screenshot(path=target)
    print(f"saved {target.relative_to(places.ROOT)}")


def _last_ingest(airflow: Airflow) -> dict[str, str]:
    runs = [run for run in airflow.runs() if run["dag_id"].startswith("ingest_")]
    if not runs:
        raise SystemExit("no ingest DAG has run yet: make demo")
    return runs[0]


def _enter(browser: Browser, address: str, login: str, scheme: Literal["light", "dark"]) -> Page:
    """A window in which *login* is signed in."""
    page = browser.new_page(viewport=WINDOW, base_url=address, color_scheme=scheme)
    page.set_default_timeout(PATIENCE_MS)
    page.goto("/")
    page.fill("input[name=username]", login)
    page.fill("input[name=password]", environment.known_secrets()[f"{login.upper()}_PASSWORD"])
    page.click("button[type=submit]")
    page.wait_for_url(lambda address: "login" not in address)
    return page


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
