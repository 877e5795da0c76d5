"""Charts: what they say, and that everybody can tell it."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from decimal import Decimal

import pytest
import vl_convert
from tests.dashboards import made

from claimhouse import glossary
from claimhouse.dashboards import charts, groups, numbers, theme
from claimhouse.dashboards.answer import Mark, Row
from claimhouse.web.layout import STATIC

pytestmark = pytest.mark.pure

STYLES = {name: (STATIC / name).read_text() for name in ("claimhouse.css", "dashboards.css")}
WHITE = ("#FFFFFF", "#12171E")
CARD = ("#F6F8FA", "#1B222C")


def texts(svg: str) -> list[str]:
    return [text for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg) if text]


@pytest.mark.parametrize("name", made.ALL)
def test_a_chart_is_drawn_without_a_warning(name, capfd):
    for chart in charts.of(made.ALL[name], 640):
        vl_convert.vegalite_to_vega(chart.spec, vl_version=theme.VEGA_LITE, show_warnings=True)
        assert texts(chart.svg)
    heard = capfd.readouterr()
    assert heard.out + heard.err == ""


@pytest.mark.parametrize("name", made.ALL)
def test_every_color_of_a_chart_has_one_for_dark_pages(name):
    known = {light for light, _ in theme.COLORS.values()} | {"none", "transparent"}
    for chart in charts.of(made.ALL[name], 640):
        assert set(re.findall(r'(?:fill|stroke)="([^"]+)"', chart.svg)) <= known
        assert "style=" not in chart.svg


def test_the_style_sheet_has_the_colors_of_the_theme():
    css = "".join(STYLES.values()).upper()
    for name, (light, dark) in theme.COLORS.items():
        assert f"--{name}: light-dark({light}, {dark})".upper() in css
        assert f'.drawing [fill="{light}"] {{ fill: var(--{name}); }}'.upper() in css
        assert f'.drawing [stroke="{light}"] {{ stroke: var(--{name}); }}'.upper() in css
    for light, dark in (WHITE, CARD):
        assert f"light-dark({light}, {dark})".upper() in css


def test_each_bar_has_the_number_of_its_row():
    shown = texts(charts.of(made.BARS, 640)[0].svg)
    for row in made.BARS.rows:
        assert numbers.short(row.values[0], "share") in shown
    assert {"West", "(unknown)", "all others (4)"} <= set(shown)


def test_what_is_hidden_unknown_or_not_there_has_a_word_and_no_bar():
    chart = charts.of(made.BARS, 640)[0]
    bars = chart.svg.count('aria-roledescription="bar"') or len(
        re.findall(rf'fill="(?:{theme.series(0)}|{theme.color("other")})"', chart.svg)
    )
    assert bars == 4  # zero has one too, as wide as it is
    assert [word for word in texts(chart.svg) if word in ("hidden", "unknown", numbers.NONE)] == [
        "hidden", "unknown", numbers.NONE,
    ]  # fmt: skip
    by_name = {datum["name"]: datum for datum in chart.spec["data"]["values"]}
    assert [by_name[name]["value"] for name in ("East", "Lakeside", "South", "North")] == [
        0, None, None, None,
    ]  # fmt: skip


def test_a_line_breaks_where_there_is_no_number_and_says_why():
    data = charts.of(made.LINES, 640)[0].spec["data"]["values"]
    at = {(datum["at"], datum["of"]): datum for datum in data}
    assert len(data) == 12 * 6
    assert at["2025-06", "East"]["value"] is None
    assert at["2025-06", "East"]["text"] == "hidden"
    assert at["2025-08", "West"] == {
        "at": "2025-08", "of": "West", "value": None, "series": at["2025-01", "West"]["series"],
    }  # fmt: skip


def test_a_line_without_a_number_at_its_end_says_when_its_last_was():
    rows = [("2025-01", 5, 2), ("2025-02", 7, 3), ("2025-03", None, 4), ("2025-04", None, None)]
    answer = made.answer("line", rows, by=("service_month",), measures=(made.BILLED, made.PAID))
    assert charts.sentence(answer) == "Newest, 2025-03: billed \N{EN DASH}, paid $4.00."
    shown = texts(charts.of(answer, 640)[0].svg)
    assert {"Billed $7.00 in 2025-02", "Paid $4.00 in 2025-03"} <= set(shown)
    assert not any("floor" in datum for datum in charts.of(answer, 640)[0].spec["data"]["values"])


def test_days_of_the_week_begin_with_monday():
    days = ("Friday", "Monday", "Sunday", None, "Wednesday")
    answer = made.answer(
        "heat", [("West", day, 0.5) for day in days], by=("facility",), split="service_weekday"
    )
    shown = [text for text in texts(charts.of(answer, 640)[0].svg) if "%" not in text]
    assert shown[:5] == ["Monday", "Wednesday", "Friday", "Sunday", "(unknown)"]


def test_a_line_has_four_series_at_most_and_all_others_in_gray():
    data = charts.of(made.LINES, 640, chosen={"facility": ("Downtown",)})[0].spec["data"]["values"]
    shown = {datum["series"] for datum in data}
    assert len(shown) == 5
    assert "Downtown" in shown  # it is chosen
    assert {datum["of"] for datum in data if datum["series"] == "(others)"} == set(
        made.CLINICS
    ) - shown


def test_the_names_at_the_ends_of_lines_do_not_cover_each_other():
    rows = [(month, clinic, 0.1) for month in made.MONTHS for clinic in made.CLINICS]
    same = made.answer("line", rows, by=("service_month",), split="facility")
    svg = charts.of(same, 640)[0].svg
    places = sorted(
        float(place)
        for place, text in re.findall(
            r"<text[^>]*translate\([\d.]+,([\d.]+)\)[^>]*>([^<]*)</text>", svg
        )
        if text.endswith("10.0 %") or text.endswith("others")
    )
    assert len(places) == 5
    assert all(after - before > 14 for before, after in itertools.pairwise(places))


def test_effects_add_up_to_the_change():
    steps = charts.of(made.CHANGE, 640)[0].spec["data"]["values"]
    assert [step["name"] for step in steps] == [
        "Before", "Downtown", "West", "East", "Mix", "Now",
    ]  # fmt: skip
    for before, after in itertools.pairwise(steps):
        assert after["from"] == pytest.approx(before["to"])
    assert charts.sentence(made.CHANGE) == (
        "No-show rate rose 1.8 points: +2.3 from Downtown's own rate,"
        " \N{MINUS SIGN}0.4 from West's own rate, \N{MINUS SIGN}0.1 from mix."
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("bars", "Highest: West, 15.0 %; lowest: East, 0.0 %."),
        ("losses", "Highest: West, $1,200.50; lowest: East, \N{MINUS SIGN}$800.00."),
        ("line", "Newest, 2025-12: $1,550,000.00."),
        ("lines", "Newest, 2025-12: South 16.0 %, East 15.0 %, Lakeside 13.0 %, North 12.0 %, and 2 more."),
        ("heat", "Highest: Downtown · (unknown), 23.0 %; lowest: West · Commercial, 2.0 %."),
    ],
)  # fmt: skip
def test_a_chart_is_said_in_a_sentence(name, says):
    assert charts.sentence(made.ALL[name]) == says


def test_a_name_is_text_whatever_it_is():
    names = (
        "</script><b>x",
        "<img src=x>",
        "a.b[0]",
        "\\",
        "'",
        "datum.x",
        "",
        "x" * 500,
        "\u2028",
    )
    for kind in ("bar", "heat", "line"):
        answer = made.answer(kind, [(name, 0.5) for name in names])
        for chart in charts.of(answer, 640):
            assert "<" not in chart.json
            assert json.loads(chart.json) == chart.spec
            assert "<b>" not in chart.svg
            assert "<img" not in chart.svg


@pytest.mark.parametrize("kind", ["bar", "line", "heat", "decomposition"])
@pytest.mark.parametrize("value", [None, 0, -1, 1e15, 1e-12, float("nan"), float("inf")])
def test_any_number_can_be_drawn(kind, value):
    rows = [("2025-01", value), ("2025-02", value)]
    for chart in charts.of(made.answer(kind, rows, by=("service_month",)), 184):
        assert chart.svg.startswith("<svg")


def test_nothing_to_show_has_no_chart():
    for answer in (replace(made.BARS, rows=()), replace(made.BARS, problem="Not published.")):
        assert charts.of(answer, 640) == []
        assert charts.sentence(answer) == ""


def test_rows_of_one_name_are_two_bars():
    twice = made.answer("bar", [("West", 0.1), ("West", 0.2)])
    assert len({datum["name"] for datum in charts.of(twice, 640)[0].spec["data"]["values"]}) == 2


def test_the_line_of_a_missing_number_stays_short():
    for values, length in (((2, None), 0.12), ((-2, None), 0), ((None, None), 0.06)):
        data = charts.of(made.answer("bar", list(zip("ab", values, strict=True))), 640)[0].spec
        assert data["data"]["values"][1]["stub"] == pytest.approx(length)


def test_what_is_chosen_is_told_apart():
    data = charts.of(made.BARS, 640, chosen={"facility": ("West",)})[0].spec["data"]["values"]
    assert [datum["look"] for datum in data[:3]] == ["chosen", "muted", "muted"]


def test_what_does_not_add_up_is_a_word():
    row = Row(("West",), (made.Mark.NOT_ADDED,))
    assert "does not add up" in texts(charts.of(replace(made.BARS, rows=(row,)), 640)[0].svg)


# What people can tell apart: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio


def channels(color: str) -> list[float]:
    values = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    return [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]


def contrast(one: str, other: str) -> float:
    bright, dark = sorted(
        (
            sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), channels(color), strict=True))
            for color in (one, other)
        ),
        reverse=True,
    )
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_words_and_marks_have_enough_contrast(mode):
    for ground in (WHITE[mode], CARD[mode]):
        for name in ("ink", "soft", "other"):
            assert contrast(theme.COLORS[name][mode], ground) >= 4.5
        for name in ("series-1", "series-2", "series-3", "series-4", "muted"):
            assert contrast(theme.COLORS[name][mode], ground) >= 3
    for step in range(theme.CELLS):
        words = theme.COLORS["on-high" if step > 3 else "on-low"][mode]
        assert contrast(words, theme.COLORS[f"cell-{step}"][mode]) >= 4.5
    assert contrast(theme.COLORS["soft"][mode], theme.COLORS["cell-none"][mode]) >= 4.5


# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
DEFICIENCIES = {
    "none": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def lab(color: str, deficiency: str) -> list[float]:
    """CIE L*a*b* of a color as somebody sees it."""
    linear = channels(color)
    seen = [
        min(max(sum(w * c for w, c in zip(row, linear, strict=True)), 0), 1)
        for row in DEFICIENCIES[deficiency]
    ]
    to_xyz = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    xyz = [sum(w * c for w, c in zip(row, seen, strict=True)) for row in to_xyz]
    x, y, z = (
        t ** (1 / 3) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29
        for t in (value / white for value, white in zip(xyz, (0.9505, 1, 1.089), strict=True))
    )
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)]


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_series_are_told_apart_by_everybody(deficiency, mode):
    colors = [theme.COLORS[f"series-{number}"][mode] for number in range(1, theme.MOST_SERIES + 1)]
    for one, other in itertools.combinations(colors, 2):
        apart = sum(
            (a - b) ** 2 for a, b in zip(lab(one, deficiency), lab(other, deficiency), strict=True)
        )
        assert apart**0.5 > 20, (one, other)
    assert len({tuple(dash) for dash in theme.DASHES}) == theme.MOST_SERIES


def test_a_row_without_a_number_keeps_its_place_among_those_with_one():
    rows = [("West", 3), ("East", None), ("North", 2), ("South", Mark.HIDDEN), ("REST", 0)]
    shown = texts(charts.of(made.answer("bar", rows, left_out=2), 640)[0].svg)
    names = ["West", "East", "North", "South", "all others (2)"]
    assert [text for text in shown if text in names] == names


def test_those_that_are_as_high_are_named_together():
    two = made.answer("bar", [("West", 3), ("East", 3), ("North", 1)], measures=(made.CLAIMS,))
    assert charts.sentence(two) == "Highest: West and East, 3; lowest: North, 1."
    more = made.answer(
        "bar", [("A", 9), ("B", 2), ("C", 2), ("D", 2), ("E", 2)], measures=(made.CLAIMS,)
    )
    assert charts.sentence(more) == "Highest: A, 9; lowest: B and 3 others, 2."


def test_what_all_others_have_is_unknown_where_it_is_of_each():
    of_rows = {
        ("West",): [(Decimal(5), None)],
        ("East",): [(None, None)],
        ("North",): [(None, None)],
    }
    found = groups.Groups((made.BILLED,), (True,), of_rows, [(Decimal(5), None)])
    rest = found.rest([("West",)], 1)
    assert rest is not None and rest.values == (None,)
    found.rows["North",] = [(Decimal(0), None)]
    rest = found.rest([("West",)], 1)
    assert rest is not None and rest.values == (Decimal(0),)


@pytest.mark.parametrize(
    ("column", "title"),
    [("claim_id", "Claim ID"), ("npi", "NPI"), ("paid_amount", "Paid amount"), ("width", "Width")],
)
def test_a_column_has_a_title_for_people(column, title):
    assert glossary.title(column) == title
