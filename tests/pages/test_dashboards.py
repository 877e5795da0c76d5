"""Dashboards in a browser, as readers of the portal see them: charts, filters, keyboard, no scripts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from local import readers_portal
from local.topology import PORTAL
from tests.pages.conftest import PATIENCE_MS
from tests.pages.looks import complaints, faults

CLINICS = "/dashboards/clinic_operations"
# Accounts, and a dashboard of each.
DASHBOARDS = {
    "clinics": CLINICS,
    "revenue": "/dashboards/claims_analytics",
    "united": "/dashboards/unitedhealthcare",
    "cardiology": "/dashboards/humana",
}


@pytest.fixture(scope="module")
def portal(demo):
    """The address of the demo's portal."""
    return f"http://localhost:{json.loads((demo.folder / 'run' / 'ports.json').read_text())[PORTAL.name]}"


@pytest.fixture(scope="module")
def sessions(browser, demo, portal):
    """What a browser keeps of who is signed in, by account."""
    kept = {}
    for name in DASHBOARDS:
        context = browser.new_context(base_url=portal)
        page = context.new_page()
        page.goto("/sign-in")
        page.get_by_label("Name").fill(name)
        page.get_by_label("Password").fill(demo.secrets[readers_portal.variable(name)])
        page.get_by_role("button", name="Sign in").first.click()
        page.wait_for_url(lambda address: "sign-in" not in address)
        kept[name] = context.storage_state()
        context.close()
    return kept


@pytest.fixture
def read(browser, portal, sessions):
    """Open a dashboard as a reader: ``read("clinics", "?facility=...")``."""
    contexts = []

    def window(name, query="", **options):
        context = browser.new_context(base_url=portal, storage_state=sessions[name], **options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.heard = complaints(page)
        page.asked = []
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(DASHBOARDS[name] + query)
        if options.get("java_script_enabled", True):
            drawn(page)
        return page

    yield window
    for context in contexts:
        context.close()


def drawn(page):
    """Wait for the charts."""
    page.wait_for_selector("html[data-charts]", state="attached")


def tile(page, title):
    return page.locator(".tile").filter(has=page.get_by_role("heading", name=title, exact=True))


def table(tile):
    """The rows of a tile's table, as texts."""
    return tile.locator("tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
    )


def choices(page):
    """What the address chooses."""
    return parse_qsl(urlsplit(page.url).query, keep_blank_values=True)


BARS = "No-show rate by facility"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_charts_are_drawn_under_the_policy_and_nothing_is_asked_of_others(read, portal, name):
    page = read(name)
    assert page.heard == []
    assert {urlsplit(address).netloc for address in page.asked} == {urlsplit(portal).netloc}
    assert page.locator(".drawing").count() > 1
    assert page.locator(".drawing.is-live svg").count() == page.locator(".drawing").count()


def test_charts_say_what_their_tables_say(read):
    page = read("clinics")
    bars = tile(page, BARS)
    rows = table(bars)
    assert len(rows) > 4
    shown = bars.locator("svg text").all_text_contents()
    assert [row[0] for row in rows] == shown[: len(rows)]
    assert sorted(row[1] for row in rows) == sorted(shown[len(rows) :])
    words = bars.locator(".says").text_content()
    assert words == (f"Highest: {rows[0][0]}, {rows[0][1]}; lowest: {rows[-1][0]}, {rows[-1][1]}.")


def test_a_pointer_is_told_the_exact_number(read):
    page = read("clinics")
    bars = tile(page, BARS)
    row = table(bars)[0]
    bars.locator("svg .mark-rect path").first.hover()
    told = page.locator("#vg-tooltip-element.visible")
    told.wait_for()
    assert told.locator("td.value").all_text_contents()[:3] == row[:3]


def test_a_click_on_a_mark_filters_and_a_second_takes_it_back(read):
    page = read("clinics")
    name = table(tile(page, BARS))[0][0]
    tile(page, BARS).locator("svg .mark-rect path").first.click()
    page.wait_for_url(lambda address: "facility" in address)
    drawn(page)
    assert ("facility", name) in choices(page)
    assert page.locator(".chips").get_by_text(f": {name}").count() == 1
    assert [row[0] for row in table(tile(page, "Clinics side by side"))] == [name]
    tile(page, BARS).locator("svg .mark-rect path").first.click()
    page.wait_for_url(lambda address: name.replace(" ", "+") not in address)
    assert len(table(tile(page, BARS))) > 4


def test_a_list_finds_what_is_typed_and_takes_several(read):
    page = read("clinics")
    page.locator("summary", has_text="all").first.click()
    panel = page.locator(".choice[open] .panel")
    names = [row[0] for row in table(tile(page, BARS)) if not row[0].startswith("(")]
    panel.get_by_role("searchbox").fill(names[0][:4].lower())
    panel.get_by_label(names[1]).wait_for(state="hidden")
    panel.get_by_label(names[0]).check()
    panel.get_by_role("searchbox").fill("")
    panel.get_by_label(names[1]).check()
    panel.get_by_role("button", name="Show").click()
    page.wait_for_url(lambda address: "facility" in address)
    assert {value for name, value in choices(page) if name == "facility"} == set(names[:2])
    # An address says no more than what is chosen.
    assert {name for name, _ in choices(page)} <= {
        "facility", "service_quarter.from", "service_quarter.to",
    }  # fmt: skip
    page.get_by_role("link", name=f"Take Clinic {names[0]} away").click()
    page.wait_for_url(lambda address: names[0].replace(" ", "+") not in address)
    assert [value for name, value in choices(page) if name == "facility"] == [names[1]]
    page.get_by_role("link", name="Clear", exact=True).click()
    page.wait_for_url(lambda address: "facility" not in address)


def test_explore_finds_what_is_typed_and_takes_what_is_shown_along(read):
    page = read("revenue")
    page.goto("/dashboards/explore")
    page.get_by_label("Claims volume").check()
    page.get_by_role("button", name="Show").click()
    page.get_by_label("Rows").select_option("payer")
    page.get_by_label("Add a filter").select_option("payer")
    page.get_by_role("button", name="Show").first.click()
    drawn(page)
    rows = table(page.locator(".tile"))
    page.locator(".choice summary").click()
    page.get_by_role("searchbox").fill(rows[1][0][1:5].upper())
    page.get_by_label(rows[0][0]).wait_for(state="hidden")
    found = page.locator(".choice[open] label", has_text=rows[1][0])
    assert found.locator(".count").text_content() == rows[1][1]
    found.get_by_role("checkbox").check()
    page.locator(".choice[open]").get_by_role("button", name="Show").click()
    page.wait_for_url(lambda address: "payer=" in address)
    drawn(page)
    assert table(page.locator(".tile")) == [rows[1]]
    for words, begins in (("PDF", b"%PDF"), ("Excel", b"PK"), ("CSV", b"PK")):
        with page.expect_download() as download:
            page.get_by_role("link", name=words, exact=True).click()
        assert Path(download.value.path()).read_bytes().startswith(begins)
    with page.expect_download() as download:
        page.get_by_role("link", name="Save as a dashboard's file").click()
    assert "metrics:\n    - claims_volume" in Path(download.value.path()).read_text("utf-8")


def test_the_period_before_is_a_click_away(read):
    page = read("clinics")
    newest = page.get_by_label("Quarter from").input_value()
    link = page.get_by_role("link", name=re.compile("^Before: "))
    before = link.text_content().removeprefix("Before: ")
    assert before < newest
    link.click()
    page.wait_for_url(lambda address: before in address)
    assert page.get_by_label("Quarter to").input_value() == before
    # The default can be taken away: then it is all quarters.
    page.get_by_role("link", name=f"Take Quarter {before} away").click()
    page.wait_for_url(lambda address: before not in address)
    assert page.locator(".chips").count() == 0


def test_without_scripts_there_are_charts_tables_and_the_form(read):
    page = read("clinics", java_script_enabled=False)
    assert page.locator(".drawing svg").count() == page.locator(".drawing").count() > 1
    page.locator(".choice summary").first.click()
    name = page.locator(".choice[open] label span").first.text_content()
    page.locator(".choice[open]").get_by_label(name).check()
    page.locator(".choice[open]").get_by_role("button", name="Show").click()
    assert ("facility", name) in choices(page)
    assert [row[0] for row in table(tile(page, BARS))] == [name]


def test_without_the_script_of_the_charts_the_servers_stay(read, browser, portal, sessions):
    context = browser.new_context(base_url=portal, storage_state=sessions["clinics"])
    page = context.new_page()
    page.route("**/vega.js*", lambda route: route.abort())
    page.goto(CLINICS)
    drawn(page)
    assert page.locator(".drawing.is-live").count() == 0
    assert page.locator(".drawing svg").count() > 1
    context.close()


def test_what_a_tile_is_comes_with_the_focus_and_goes_with_escape(read):
    page = read("clinics")
    button = page.get_by_role("button", name="What No-show rate is")
    tip = page.locator(".tip:visible")
    button.focus()
    tip.wait_for()
    assert "Owner:" in tip.text_content()
    assert "As of 20" in tip.text_content()
    page.keyboard.press("Escape")
    tip.wait_for(state="hidden")


def test_nothing_is_told_apart_from_zero(read):
    page = read("clinics", "?facility=Nowhere")
    assert page.get_by_text("No data for what is chosen.").count() > 3
    assert page.locator(".figure").count() == 0


@pytest.mark.parametrize(("name", "scheme"), [("clinics", "dark"), ("revenue", "light")])
def test_everybody_can_read_a_dashboard(read, name, scheme):
    page = read(name, color_scheme=scheme, bypass_csp=True)
    page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
    assert faults(page) == []


def test_a_phone_shows_one_column_and_all_of_it(read):
    page = read("revenue", viewport={"width": 390, "height": 800})
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 390
    for chart in page.locator(".drawing").all():
        assert chart.locator("svg").bounding_box()["width"] <= 390


def test_dark_charts_have_dark_colors(read):
    colors = {}
    for scheme in ("light", "dark"):
        page = read("clinics", color_scheme=scheme)
        bar = tile(page, BARS).locator("svg .mark-rect path").first
        colors[scheme] = bar.evaluate("mark => getComputedStyle(mark).fill")
    assert colors == {"light": "rgb(11, 95, 165)", "dark": "rgb(122, 188, 247)"}


def test_print_is_light_and_has_the_tables(read):
    page = read("clinics", color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert (
        page.evaluate("() => getComputedStyle(document.body).backgroundColor")
        == "rgb(255, 255, 255)"
    )
    assert not page.locator("#filters").is_visible()
    assert tile(page, BARS).locator("table").is_visible()
