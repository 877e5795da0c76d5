"""The layout of all pages, and how values are written in them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined

from claimhouse import settings

STATIC = Path(__file__).parent / "static"


def page(template: str, **values: Any) -> str:
    """The HTML of the template ``<room>/<page>.html`` of ``plugins/claimhouse/<room>/templates``."""
    return _templates().get_template(template).render(**values)


@cache
def _templates() -> Environment:
    rooms = sorted(settings.CODE.glob("*/templates"))
    templates = Environment(
        loader=ChoiceLoader([_RoomLoader(folder.parent.name, folder) for folder in rooms]),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(number=number, moment=moment, money=money)
    return templates


class _RoomLoader(FileSystemLoader):
    """Finds ``<room>/<file>`` in a room's folder of templates."""

    def __init__(self, room: str, folder: Path) -> None:
        super().__init__(folder)
        self.room = room

    def get_source(self, environment: Environment, template: str) -> Any:
        room, _, file = template.partition("/")
        return super().get_source(environment, file if room == self.room else template)


def number(value: int | Decimal | None) -> str:
    """A count with thousands separators; a dash for none."""
    return "–" if value is None else f"{value:,}"


def money(value: Decimal | None) -> str:
    """An amount in dollars and cents."""
    return "–" if value is None else f"${value:,.2f}"


def moment(value: datetime | None) -> str:
    """A time in UTC, to the minute."""
    return "–" if value is None else f"{value:%Y-%m-%d %H:%M} UTC"
