"""A chart: a specification in Vega-Lite."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from claimhouse.dashboards import theme

Datum = dict[str, Any]
Spec = dict[str, Any]


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        title: what it shows; empty where the tile has only one chart.
        spec: in Vega-Lite.
        height: of the drawing, at least.
    """

    title: str
    spec: Spec

    @property
    def json(self) -> str:
        """The specification as text, which can stand within a page."""
        text = json.dumps(self.spec, ensure_ascii=False, separators=(",", ":"))
        return text.replace("<", "\\u003c").replace("\N{LINE SEPARATOR}", "\\u2028")

    @property
    def svg(self) -> str:
        """The chart, drawn."""
        return theme.svg(self.json)
