"""The layout of all pages, and how values are written in them."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import font_source_sans_pro
from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined

from claimhouse import settings

STATIC = Path(__file__).parent / "static"
# What set-up makes of pinned packages, see :mod:`claimhouse.web.bundle`; pages work without it.
MADE = Path(__file__).parent / "made"
FONTS = Path(font_source_sans_pro.font_directory)
FONT_FILES = ("SourceSansPro-Regular.otf", "SourceSansPro-Semibold.otf")
NONE = "\N{EN DASH}"


def page(template: str, **values: Any) -> str:
    """The HTML of the template ``<room>/<file>`` in ``plugins/claimhouse/<room>/templates``."""
    return _templates().get_template(template).render(**values)


@cache
def static_files() -> dict[str, str]:
    """The style sheets, scripts and fonts, by name: a digest for the address, so that a new one is fetched."""
    return {
        name: hashlib.sha256(file.read_bytes()).hexdigest()[:12]
        for name, file in sorted(_paths().items())
    }


def static_path(name: str) -> Path | None:
    """The style sheet, script or font *name*; None where there is none."""
    return _paths().get(name)


@cache
def _paths() -> dict[str, Path]:
    files = [*STATIC.iterdir(), *MADE.glob("*.js"), *(FONTS / name for name in FONT_FILES)]
    return {file.name: file for file in files}


@cache
def _templates() -> Environment:
    rooms = {
        folder.parent.name: FileSystemLoader(folder)
        for folder in sorted(settings.CODE.glob("*/templates"))
    }
    templates = Environment(
        loader=PrefixLoader(rooms),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(number=number, moment=moment, money=money, day=day, size=size)
    templates.globals.update(static_files=static_files())
    return templates


def number(value: int | Decimal | None) -> str:
    """A count with thousands separators."""
    return NONE if value is None else f"{value:,}"


def money(value: Decimal | None) -> str:
    """An amount in dollars and cents."""
    return NONE if value is None else f"{'-' if value < 0 else ''}${abs(value):,.2f}"


def size(value: int | None) -> str:
    """A number of bytes."""
    if value is None:
        return NONE
    return (
        f"{-(-value // 1024):,} KiB" if value < 1024 * 1024 else f"{value / 1024 / 1024:,.1f} MiB"
    )


def moment(value: datetime | None) -> str:
    """A time in UTC, to the minute."""
    return NONE if value is None else f"{value:%Y-%m-%d %H:%M} UTC"


def day(value: date | None) -> str:
    """A day."""
    return NONE if value is None else f"{value:%Y-%m-%d}"
