"""The look of charts: one font, one palette, the same in a browser, a PDF and a workbook.

The palette is told apart with the deficiencies of color vision of Machado, Oliveira and Fernandes, "A
Physiologically-based Model for Simulation of Color Vision Deficiency" (IEEE TVCG 15, 2009); series differ in
their dashes too. A chart is drawn in the light colors; a page replaces each by the variable of its name
(``dashboards.css``).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from claimhouse.web import FONTS
from claimhouse.web.bundle import VEGA_LITE

FONT = "Source Sans Pro"

# The name of each color, and what it is on a light and on a dark page.
COLORS: Mapping[str, tuple[str, str]] = {
    "ink": ("#1B2430", "#E8EDF3"),
    "soft": ("#55606E", "#A3AFBD"),
    "line": ("#D5DBE2", "#37424F"),
    "series-1": ("#0B5FA5", "#7ABCF7"),
    "series-2": ("#D96A00", "#F08A3C"),
    "series-3": ("#2A0E52", "#F0E2FF"),
    "series-4": ("#2E9C86", "#2C8C5A"),
    "other": ("#5B6470", "#98A4B1"),
    "muted": ("#7F8C9A", "#6F7D8C"),
    "cell-0": ("#EAF2FA", "#1F2C3B"),
    "cell-1": ("#C5DBF0", "#27415E"),
    "cell-2": ("#97BFE3", "#2C5279"),
    "cell-3": ("#6BA4D6", "#346A9E"),
    "cell-4": ("#2C72B0", "#6CA6DE"),
    "cell-5": ("#0B4A82", "#B5D5F5"),
    "cell-none": ("#E4E8ED", "#2B3440"),
    "on-low": ("#15222F", "#F2F7FC"),
    "on-high": ("#FDFEFF", "#0E1621"),
}
MOST_SERIES = 4
CELLS = 6
# A dash for each series, so that they are told apart without colors.
DASHES = ([1, 0], [7, 3], [2, 2], [9, 3, 2, 3])


def color(name: str) -> str:
    """A color on a light page."""
    return COLORS[name][0]


def series(number: int) -> str:
    """The color of a series; of those beyond the fourth it is the gray of all others."""
    return color(f"series-{number + 1}" if number < MOST_SERIES else "other")


def config() -> dict[str, Any]:
    """The look as a Vega-Lite configuration."""
    return {
        "font": FONT,
        "aria": False,
        "background": None,
        "view": {"stroke": None},
        "padding": 2,
        "axis": {
            "labelFontSize": 13,
            "labelColor": color("soft"),
            "labelPadding": 6,
            "gridColor": color("line"),
            "domainColor": color("line"),
            "ticks": False,
            "title": None,
        },
        "legend": {
            "labelFontSize": 13,
            "labelColor": color("ink"),
            "title": None,
            "orient": "top",
            "symbolType": "square",
            "offset": 4,
        },
        "text": {"fontSize": 13, "color": color("ink")},
        "mark": {"color": color("series-1")},
    }


@functools.lru_cache(maxsize=512)
def svg(spec: str) -> str:
    """A Vega-Lite specification, as JSON, drawn as SVG.

    Nothing is fetched: a specification holds its data.
    """
    import vl_convert  # late: it takes long

    _register_fonts()
    return str(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE, allowed_base_urls=[]))


@functools.cache
def _register_fonts() -> None:
    import vl_convert

    vl_convert.register_font_directory(str(FONTS))
