"""How the values of a column are written: dates, numbers, words for no value, and words of the source's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from claimhouse.contracts.cursor import Properties
from claimhouse.contracts.dates import lacks, strptime
from claimhouse.contracts.model import NumberFormat

TIMES = ("date", "timestamp")
NUMBERS = ("decimal", "integer")
# The properties that a feed can state for all its columns, and the types that each is for.
OF_FEED = {
    "noValue": ("string", *TIMES, *NUMBERS, "boolean"),
    "number": NUMBERS,
    "century": TIMES,
    "timeZone": ("timestamp",),
}


@dataclass(frozen=True)
class Ways:
    """How the values of a column are written; see :class:`claimhouse.contracts.Column`."""

    date_formats: tuple[str, ...]
    century: int | None
    time_zone: str | None
    no_value: tuple[str, ...]
    number: NumberFormat | None


@dataclass(frozen=True)
class _Stated:
    """A property that a column has, or its feed for all columns."""

    value: Any
    holder: Properties
    name: str

    def error(self, message: str) -> Exception:
        """An error where the property is."""
        return self.holder.error(self.name, message)


def of(logical_type: str, column: Properties, feed: Properties) -> Ways:
    """How the values of a column of *logical_type* are written.

    Raises:
        YamlError: a property is not for this type, or cannot mean anything.
    """
    stated = {name: _stated(name, logical_type, column, feed) for name in OF_FEED}
    century = stated["century"].value if stated["century"] else None
    words = stated["noValue"].value if stated["noValue"] else ()
    return Ways(
        date_formats=tuple(_date_formats(logical_type, column, century)),
        century=century,
        time_zone=_time_zone(stated["timeZone"]),
        # NULL is nothing to YAML.
        no_value=tuple("NULL" if word is None else str(word).strip() for word in words),
        number=_number(logical_type, stated["number"]),
    )


def check(feed: Properties) -> None:
    """Refuse what a feed says of the values of its columns, whether or not it has such columns.

    Raises:
        YamlError: it cannot mean anything.
    """
    for logical_type in ("timestamp", "decimal"):
        of(logical_type, Properties({}, {}), feed)


def translations(logical_type: str, column: Properties, valid: tuple[str, ...]) -> dict[str, str]:
    """The source's own words and the valid values that they mean.

    Raises:
        YamlError: the column is no text, or a word means no valid value.
    """
    words: dict[str, str] = column.get("translations", {})
    if words and logical_type != "string":
        raise column.error("translations", "is for text columns only")
    for meant in words.values():
        if valid and meant not in valid:
            raise column.error("translations", f"'{meant}' is not one of the valid values")
    return words


def _stated(name: str, logical_type: str, column: Properties, feed: Properties) -> _Stated | None:
    if name in column.values:
        if logical_type not in OF_FEED[name]:
            raise column.error(name, f"is not for a column of this type, {logical_type}")
        return _Stated(column.get(name), column, name)
    of_feed = feed.get("values", {})
    if name in of_feed and logical_type in OF_FEED[name]:
        return _Stated(of_feed[name], feed, "values")
    return None


def _date_formats(logical_type: str, column: Properties, century: int | None) -> list[str]:
    formats = []
    for text in column.get("dateFormats", []):
        try:
            pattern = strptime(text)
        except ValueError as error:
            raise column.error("dateFormats", f"cannot be used: {error}") from error
        if missing := lacks(pattern, is_time=logical_type == "timestamp"):
            raise column.error("dateFormats", f"cannot be used: '{text}' lacks {missing}")
        if "%y" in pattern and century is None:
            raise column.error(
                "dateFormats",
                f"cannot be used: the years of '{text}' have two digits; say which hundred years "
                "they are of, e.g. century: 1930 for 1930 to 2029",
            )
        formats.append(pattern)
    return formats


def _time_zone(stated: _Stated | None) -> str | None:
    if stated is None:
        return None
    try:
        return ZoneInfo(stated.value).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise stated.error(f"'{stated.value}' is no time zone") from None


def _number(logical_type: str, stated: _Stated | None) -> NumberFormat | None:
    if stated is None:
        return None
    options = stated.value
    form = NumberFormat(
        decimal_mark=options.get("decimalMark", "."),
        group_mark=options.get("groupMark", ""),
        implied_decimals=options.get("impliedDecimals", 0) if logical_type == "decimal" else 0,
        overpunched=options.get("overpunched", False),
        negative=tuple(options.get("negative", ())),
        currency=options.get("currency", "").strip(),
    )
    if form.decimal_mark == form.group_mark:
        raise stated.error("has one mark for decimals and for groups of digits")
    if form.overpunched and (form.negative or form.currency or form.group_mark):
        raise stated.error("is overpunched: its digits stand alone, without other signs or marks")
    if form.implied_decimals and "decimalMark" in options:
        raise stated.error("has implied decimals, and so no decimal mark")
    return form
