"""What is chosen on a dashboard: its address says it, so that it can be shared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from urllib.parse import urlencode

from claimhouse.dashboards.model import Dashboard

# What an address and a person call a value that is not known.
UNKNOWN = "(unknown)"
FROM, TO = ".from", ".to"
MOST_VALUES, LONGEST = 100, 200
# The ends of a range: either may be open.
Range = tuple[str, str]

_MONTH = re.compile(r"([1-9]\d{3})-(0[1-9]|1[0-2])")
_QUARTER = re.compile(r"([1-9]\d{3})-Q([1-4])")
_DAY = re.compile(r"[1-9]\d{3}-\d{2}-\d{2}")


@dataclass(frozen=True)
class Selection:
    """The values that are chosen of each field.

    Attributes:
        choices: of a choice, the values of which one must hold.
        ranges: of a period or range, its ends; an empty one is open.
        cleared: the fields of which everything is asked for, whatever their default is.
    """

    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: Mapping[str, Range] = field(default_factory=dict)
    cleared: frozenset[str] = frozenset()

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields that restrict what is shown."""
        return (*self.choices, *self.ranges)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The same, as an address says it."""
        pairs = [(name, value) for name, values in self.choices.items() for value in values]
        for name, (least, most) in self.ranges.items():
            pairs += [(name + FROM, least)] if least else []
            pairs += [(name + TO, most)] if most else []
        return pairs + [(name, "") for name in sorted(self.cleared)]

    @property
    def address(self) -> str:
        """The same, as the end of an address."""
        return f"?{urlencode(self.pairs)}" if self.pairs else ""

    @property
    def nothing(self) -> Selection:
        """What an address without filters says."""
        return Selection()

    def choosing(self, name: str, value: str) -> Selection:
        """The same with one value of a choice, or with the period from *value* to it."""
        kept = self.without(name)
        if name in self.ranges or period_of(value):
            return replace(
                kept, ranges={**kept.ranges, name: (value, value)}, cleared=self.cleared - {name}
            )
        return replace(
            kept, choices={**kept.choices, name: (value,)}, cleared=self.cleared - {name}
        )

    def without(self, name: str) -> Selection:
        """The same with everything of a field."""
        return Selection(
            {key: values for key, values in self.choices.items() if key != name},
            {key: ends for key, ends in self.ranges.items() if key != name},
            self.cleared | {name},
        )

    def words(self, dashboard: Dashboard) -> dict[str, str]:
        """What is chosen, by the title of the filter, for a person."""
        words = {}
        for entry in dashboard.filters:
            if values := self.choices.get(entry.field):
                words[entry.title] = ", ".join(values)
            elif ends := self.ranges.get(entry.field):
                words[entry.title] = range_in_words(ends)
        return words


def range_in_words(ends: Range) -> str:
    """The ends of a range, for a person."""
    least, most = ends
    if least == most:
        return least
    if not most:
        return f"from {least}"
    return f"{least} to {most}" if least else f"to {most}"


def of(dashboard: Dashboard, pairs: Iterable[tuple[str, str]]) -> Selection:
    """What an address says; what is no filter of the dashboard, or no value of one, is left out.

    Args:
        dashboard: whose filters they are.
        pairs: the names and values of the address.
    """
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        text = value.replace("\0", "").strip()
        given.setdefault(name, []).append(text if len(text) <= LONGEST else "")
    choices: dict[str, tuple[str, ...]] = {}
    ranges: dict[str, Range] = {}
    cleared: set[str] = set()
    for entry in dashboard.filters:
        name = entry.field
        values = tuple(dict.fromkeys(filter(None, given.get(name, ()))))[:MOST_VALUES]
        ends = [_end(given.get(name + end, ("",))[-1]) for end in (FROM, TO)]
        if entry.kind == "choice" and values:
            choices[name] = values
        elif entry.kind != "choice" and any(ends):
            ranges[name] = (ends[0], ends[1])
        elif given.keys() & {name, name + FROM, name + TO}:
            cleared.add(name)
    return Selection(choices, ranges, frozenset(cleared))


def _end(text: str) -> str:
    """The end of a range; empty where it is no period, day or number."""
    if period_of(text):
        return text
    try:
        number = Decimal(text.replace(",", "").removeprefix("$"))
    except InvalidOperation:
        return ""
    return format(number, "f") if number.is_finite() and abs(number.adjusted()) < 30 else ""


def period_of(text: str) -> tuple[date, date] | None:
    """The first day of a month, quarter or day, and the first day after it; None where it is none."""
    if match := _MONTH.fullmatch(text):
        first = _month(int(match[1]), int(match[2]))
        return first, _month(first.year, first.month + 1)
    if match := _QUARTER.fullmatch(text):
        first = _month(int(match[1]), int(match[2]) * 3 - 2)
        return first, _month(first.year, first.month + 3)
    if _DAY.fullmatch(text):
        try:
            day = date.fromisoformat(text)
        except ValueError:
            return None
        return day, day + timedelta(days=1)
    return None


def in_months(ends: Range) -> Range:
    """The same period from its first to its last month."""
    periods = [period_of(end) for end in ends]
    first = periods[0] and _named(periods[0][0], 1)
    last = periods[1] and _named(_month(periods[1][1].year, periods[1][1].month - 1), 1)
    return first or ends[0], last or ends[1]


def is_day(text: str) -> bool:
    """Whether *text* is a day."""
    return bool(_DAY.fullmatch(text))


def before(ends: Range) -> Range | None:
    """The period of the same length before a period; None where it has an open end, or is none."""
    least, most = (period_of(end) for end in ends)
    if least is None or most is None or len(ends[0]) != len(ends[1]) or ends[0] > ends[1]:
        return None
    if _DAY.fullmatch(ends[0]):
        length = most[1] - least[0]
        return (least[0] - length).isoformat(), (least[0] - timedelta(days=1)).isoformat()
    step = 3 if _QUARTER.fullmatch(ends[0]) else 1
    months = (most[0].year - least[0].year) * 12 + most[0].month - least[0].month + step
    return (
        _named(_month(least[0].year, least[0].month - months), step),
        _named(_month(least[0].year, least[0].month - step), step),
    )


def _month(year: int, month: int) -> date:
    """The first day of a month; months before the first and after the twelfth are of other years."""
    years, month = divmod(month - 1, 12)
    return date(min(max(year + years, 1), 9999), month + 1, 1)


def _named(first: date, months: int) -> str:
    if months == 3:
        return f"{first.year:04}-Q{(first.month + 2) // 3}"
    return f"{first.year:04}-{first.month:02}"
