"""Workbooks: the XML of a dashboard's sheets, their filters, and where they are on the dashboard.

The order of elements is that of Tableau's schema, against which the tests check it. It does not see whether a
name is the name of something; ``tests/dashboards/test_tableau.py`` resolves every one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from claimhouse.dashboards import theme
from claimhouse.dashboards.tableau import sources
from claimhouse.dashboards.tableau.markup import (
    BUILD,
    LINE_END,
    VERSION,
    bracketed,
    element,
    formatted,
    manifest,
    quoted,
    simple_id,
)
from claimhouse.dashboards.tableau.sheets import Book, Control, Sheet, Values

PARAMETERS = "Parameters"
NAMES, VALUES = ":Measure Names", "Multiple Values"
# The palettes of a workbook: of series, and of a heat map.
PALETTE, HEAT_PALETTE = "claimhouse", "claimhouse_heat"
# At most four series and the gray of all others, and one hue from little to much.
SERIES = tuple(theme.series(number) for number in range(theme.MOST_SERIES + 1))
HEAT = tuple(theme.color(f"cell-{step}") for step in range(theme.CELLS))
_SOFT = theme.color("soft")
# The width and height of a dashboard in its own units.
WHOLE = 100_000
# Pixels: of a dashboard, of rows with charts and of those with numbers alone, of the title, of a row of filters.
_WIDTH, _TALL, _FLAT, _TITLE, _CONTROLS = 1200, 330, 130, 80, 70
_CONTROLS_IN_A_ROW = 5
_MARKS = {"number": "Text", "table": "Text", "line": "Line", "heat": "Square"}


class _Shown:
    """The fields of one sheet as it shows them: each an instance of a field of its source."""

    def __init__(self, book: Book, sheet: Sheet) -> None:
        self.sheet, self.source = sheet, sheet.source
        added = book.added.get(sheet.source.name, ())
        self.fields = {entry.name: entry for entry in (*sheet.source.fields, *added)}
        self.instances: dict[str, tuple[str, str, str]] = {}

    def dimension(self, name: str) -> str:
        """The instance of a field that makes rows, with its source."""
        return self._instance(name, "none", "None", self._discrete(name))

    def range(self, name: str) -> str:
        """The instance of a field along an axis."""
        return self._instance(name, "none", "None", "quantitative")

    def number(self, name: str) -> str:
        """The instance of a number."""
        if self.fields[name].is_aggregate:
            return self._instance(name, "usr", "User", "quantitative")
        return self._instance(name, "attr", "Attribute", "quantitative")

    def largest(self, name: str) -> str:
        """The instance of a column by which rows are ordered; of one row it is its value."""
        return self._instance(name, "max", "Max", "quantitative")

    def expression(self, name: str) -> str:
        """A number or column as a formula, to order by."""
        return bracketed(name) if self.fields[name].is_aggregate else f"MAX({bracketed(name)})"

    def dependencies(self) -> Element:
        """What the sheet needs of its source."""
        used = {name for name, _, _ in self.instances.values()}
        # A formula needs the fields that it names, and so on.
        queue = list(used)
        while queue:
            formula = self.fields[queue.pop()].formula or ""
            more = {name for name in self.fields if bracketed(name) in formula} - used
            used |= more
            queue += more
        return element(
            "datasource-dependencies",
            *(sources.column(self.fields[name]) for name in sorted(used)),
            *(
                element(
                    "column-instance",
                    column=bracketed(name),
                    derivation=derivation,
                    name=bracketed(instance),
                    pivot="key",
                    type=kind,
                )
                for instance, (name, derivation, kind) in sorted(self.instances.items())
            ),
            datasource=self.source.id,
        )

    def _discrete(self, name: str) -> str:
        kind = self.fields[name].type
        return "ordinal" if kind == "quantitative" else kind

    def _instance(self, name: str, short: str, derivation: str, kind: str) -> str:
        letter = {"nominal": "nk", "ordinal": "ok", "quantitative": "qk"}[kind]
        instance = f"{short}:{name}:{letter}"
        self.instances[instance] = (name, derivation, kind)
        return bracketed(self.source.id, instance)


def to_xml(book: Book) -> Element:
    """The workbook of a dashboard."""
    dashboard = book.dashboard
    return element(
        "workbook",
        manifest(),
        element(
            "preferences",
            _palette(PALETTE, "regular", SERIES),
            _palette(HEAT_PALETTE, "ordered-sequential", HEAT),
        ),
        element(
            "datasources",
            _parameters(book) if book.parameters else None,
            *(
                sources.to_xml(source, True, book.added.get(source.name, ()))
                for source in book.sources
            ),
        ),
        element("worksheets", *(_worksheet(book, sheet) for sheet in book.sheets)),
        element("dashboards", _dashboard(book)),
        element(
            "windows",
            _dashboard_window(book),
            *(_window(dashboard.name, sheet) for sheet in book.sheets),
        ),
        element(
            "explain-data",
            element("explanation-types"),
            enabled_for_viewer=False,
            extreme_values_enabled_for_all=False,
        ),
        original_version=VERSION,
        source_build=BUILD,
        source_platform="win",
        version=VERSION,
    )


def _palette(name: str, kind: str, colors: Sequence[str]) -> Element:
    return element(
        "color-palette",
        *(element("color", text=color) for color in colors),
        custom=True,
        name=name,
        type=kind,
    )


def _parameters(book: Book) -> Element:
    return element(
        "datasource",
        element("aliases", enabled="yes"),
        *(
            _parameter(name, title, value)
            for name, (title, value) in sorted(book.parameters.items())
        ),
        hasconnection=False,
        inline=True,
        name=PARAMETERS,
        version=VERSION,
    )


def _parameter(name: str, title: str, value: str) -> Element:
    return element(
        "column",
        element("calculation", class_="tableau", formula=quoted(value)),
        caption=title,
        datatype="string",
        name=bracketed(name),
        param_domain_type="any",
        role="measure",
        type="nominal",
        value=quoted(value),
    )


def _worksheet(book: Book, sheet: Sheet) -> Element:
    shown = _Shown(book, sheet)
    rows, columns, encodings = _shelves(shown)
    filters = _filters(shown)
    colored = next((entry.get("column") for entry in encodings if entry.tag == "color"), None)
    sort = _sort(shown)
    tooltip = _tooltip(shown)
    used_parameters = sorted({control.parameter for control in sheet.controls if control.parameter})
    return element(
        "worksheet",
        element(
            "layout-options",
            element("title", formatted((sheet.title, {"fontsize": 11, "bold": True}))),
            element("caption", formatted((sheet.caption, {}))) if sheet.caption else None,
        ),
        element(
            "table",
            element(
                "view",
                element(
                    "datasources",
                    element("datasource", caption=sheet.source.caption, name=sheet.source.id),
                    element("datasource", name=PARAMETERS) if used_parameters else None,
                ),
                _used_parameters(book, used_parameters),
                shown.dependencies(),
                *filters,
                sort,
                _slices(filters),
                element("aggregation", value=True),
            ),
            _style(sheet, colored),
            element(
                "panes",
                element(
                    "pane",
                    element("view", element("breakdown", value="auto")),
                    element("mark", class_=_MARKS.get(sheet.kind, "Bar")),
                    element("encodings", *encodings) if encodings else None,
                    tooltip,
                    _pane_style(sheet, colored),
                    selection_relaxation_option="selection-relaxation-allow",
                ),
            ),
            element("rows", text=rows),
            element("cols", text=columns),
        ),
        simple_id(book.dashboard.name, "sheet", sheet.tile),
        name=sheet.name,
    )


def _shelves(shown: _Shown) -> tuple[str, str, list[Element]]:
    """What is on the shelves of rows and of columns, and what the marks show."""
    sheet = shown.sheet
    dimensions = [shown.dimension(name) for name in sheet.dimensions]
    split = shown.dimension(sheet.split) if sheet.split else None
    numbers = [shown.number(name) for name in sheet.values]
    along = _nested(dimensions)
    colored = [element("color", column=split)] if split else []
    if sheet.kind == "heat":
        down, across = (dimensions[:1], [*dimensions[1:], *([split] if split else [])])
        first = numbers[:1]
        marks = [element(tag, column=number) for tag in ("color", "text") for number in first]
        return _nested(down), _nested(across), marks
    if sheet.kind == "line":
        return _side_by_side(numbers), along, colored
    if sheet.kind in ("bar", "decomposition"):
        return along, _side_by_side(numbers), colored
    if split:
        return along, split, [element("text", column=number) for number in numbers]
    if len(numbers) > 1:
        # The values of several numbers are beside one another below their names.
        names, values = (bracketed(shown.source.id, name) for name in (NAMES, VALUES))
        return along, names, [element("text", column=values)]
    return along, "", [element("text", column=number) for number in numbers]


def _nested(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    first, *rest = names
    return f"({first} / {_nested(rest)})"


def _side_by_side(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    first, *rest = names
    return f"({first} + {_side_by_side(rest)})"


def _filters(shown: _Shown) -> list[Element]:
    sheet = shown.sheet
    found = [_values_filter(shown, kept) for kept in sheet.kept]
    found += [_control_filter(shown, control) for control in sheet.controls]
    if sheet.kind == "table" and len(sheet.values) > 1 and not sheet.split:
        found.append(_names_filter(shown))
    if sheet.most and _ordered_by(shown):
        found.append(_most_filter(shown, sheet.most))
    # A field has one filter: where several ask for it, the first is that of the sheet itself.
    return list({entry.get("column"): entry for entry in reversed(found)}.values())[::-1]


def _values_filter(shown: _Shown, kept: Values) -> Element:
    column = shown.dimension(kept.field)
    level = _level(column)
    members = [_member(level, value) for value in kept.values]
    if kept.is_except:
        group = element(
            "groupfilter", _all(level), *members, function="except",
            user__ui_domain="relevant", user__ui_enumeration="exclusive", user__ui_marker="enumerate",
        )  # fmt: skip
    elif len(members) > 1:
        group = element(
            "groupfilter", *members, function="union",
            user__ui_domain="relevant", user__ui_enumeration="inclusive", user__ui_marker="enumerate",
        )  # fmt: skip
    else:
        group = members[0]
    return element("filter", group, class_="categorical", column=column)


def _control_filter(shown: _Shown, control: Control) -> Element:
    if control.is_range:
        return element(
            "filter", class_="quantitative", column=shown.range(control.field),
            filter_group=control.group, included_values="all",
        )  # fmt: skip
    column = shown.dimension(control.field)
    level = _level(column)
    if control.formula:
        return element("filter", _member(level, True), class_="categorical", column=column)
    group = _member(level, control.default) if control.default else _all(level)
    return element("filter", group, class_="categorical", column=column, filter_group=control.group)


def _names_filter(shown: _Shown) -> Element:
    column = bracketed(shown.source.id, NAMES)
    members = [_member(bracketed(NAMES), shown.number(name)) for name in shown.sheet.values]
    group = element("groupfilter", *members, function="union", user__op="manual")
    return element("filter", group, class_="categorical", column=column)


def _most_filter(shown: _Shown, most: int) -> Element:
    """The first rows, of those that begin with different values."""
    column = shown.dimension(shown.sheet.dimensions[0])
    by, largest = _ordered_by(shown) or ("", True)
    _instance_to_order_by(shown, by)
    ordered = element(
        "groupfilter", _all(_level(column)), direction="DESC" if largest else "ASC",
        expression=shown.expression(by), function="order", user__ui_marker="order",
    )  # fmt: skip
    group = element(
        "groupfilter", ordered, count=most, end="top", function="end", units="records",
        user__ui_marker="end", user__ui_top_by_field=True,
    )  # fmt: skip
    return element("filter", group, class_="categorical", column=column)


def _all(level: str) -> Element:
    return element(
        "groupfilter", function="level-members", level=level,
        user__ui_enumeration="all", user__ui_marker="enumerate",
    )  # fmt: skip


def _member(level: str, value: object) -> Element:
    member = "%null%" if value is None else quoted(value)
    return element("groupfilter", function="member", level=level, member=member)


def _level(column: str) -> str:
    """An instance without its source."""
    return "[" + column.partition("].[")[2]


def _slices(filters: Iterable[Element]) -> Element | None:
    columns = [element("column", text=entry.get("column")) for entry in filters]
    return element("slices", *columns) if columns else None


def _sort(shown: _Shown) -> Element | None:
    sheet = shown.sheet
    if ordered := _ordered_by(shown):
        by, largest = ordered
        return element(
            "computed-sort",
            column=shown.dimension(sheet.dimensions[0]),
            direction="DESC" if largest else "ASC",
            using=_instance_to_order_by(shown, by),
        )
    if not sheet.order or sheet.order[0] not in sheet.dimensions:
        return None
    by, largest = sheet.order
    direction = "DESC" if largest else "ASC"
    return element("alphabetic-sort", column=shown.dimension(by), direction=direction)


def _ordered_by(shown: _Shown) -> tuple[str, bool] | None:
    """The number, or column of numbers or days, that the rows are ordered by; None where there is none."""
    sheet = shown.sheet
    if not sheet.order or not sheet.dimensions:
        return None
    name, largest = sheet.order
    entry = shown.fields.get(name)
    is_ordered = entry and (entry.is_aggregate or entry.datatype not in ("string", "boolean"))
    return (name, largest) if is_ordered else None


def _instance_to_order_by(shown: _Shown, name: str) -> str:
    return shown.number(name) if name in shown.sheet.values else shown.largest(name)


def _used_parameters(book: Book, names: Sequence[str]) -> Element | None:
    if not names:
        return None
    return element(
        "datasource-dependencies",
        *(_parameter(name, *book.parameters[name]) for name in names),
        datasource=PARAMETERS,
    )


def _style(sheet: Sheet, colored: str | None) -> Element:
    """The colors of a sheet: one hue with the number in each cell, or the palette of series."""
    if not colored:
        return element("style")
    is_heat = sheet.kind == "heat"
    encoding = element(
        "encoding", attr="color", field=colored,
        palette=HEAT_PALETTE if is_heat else PALETTE,
        type="interpolated" if is_heat else "palette",
    )  # fmt: skip
    return element("style", element("style-rule", encoding, element="mark"))


def _pane_style(sheet: Sheet, colored: str | None) -> Element | None:
    formats = []
    if not colored and _MARKS.get(sheet.kind) != "Text":
        formats.append(element("format", attr="mark-color", value=SERIES[0]))
    if sheet.kind in ("bar", "heat", "number"):
        formats.append(element("format", attr="mark-labels-show", value=True))
    if sheet.kind == "number":
        formats.append(element("format", attr="font-size", value=20))
    return element("style", element("style-rule", *formats, element="mark")) if formats else None


def _tooltip(shown: _Shown) -> Element | None:
    """What is told of a mark: its fields, its numbers, and what they mean."""
    sheet = shown.sheet
    runs: list[tuple[str, dict[str, Any]]] = []
    names = [*sheet.dimensions, *filter(None, [sheet.split])]
    for name, instance in [
        *((name, shown.dimension(name)) for name in names),
        *((name, shown.number(name)) for name in sheet.values),
    ]:
        runs += [
            (f"{shown.fields[name].caption}:\t", {"fontcolor": _SOFT}),
            (f"<{instance}>", {"bold": True}),
            (LINE_END, {}),
        ]
    runs.append((sheet.caption, {"fontcolor": _SOFT}))
    return element("customized-tooltip", formatted(*runs))


def _dashboard(book: Book) -> Element:
    dashboard = book.dashboard
    tall = [_TALL if any(s.kind != "number" for s in row) else _FLAT for row in book.rows]
    controls = _controls(book)
    lines = [
        controls[first : first + _CONTROLS_IN_A_ROW]
        for first in range(0, len(controls), _CONTROLS_IN_A_ROW)
    ]
    height = _TITLE + _CONTROLS * len(lines) + sum(tall)
    zones = _Zones(height)
    parts = [zones.text(dashboard.title, dashboard.question, 0, _TITLE)]
    top = _TITLE
    for line in lines:
        wide = WHOLE // _CONTROLS_IN_A_ROW
        for place, (title, attributes) in enumerate(line):
            words = formatted((title, {}))
            parts.append(zones.zone(place * wide, top, wide, _CONTROLS, words, **attributes))
        top += _CONTROLS
    for row, pixels in zip(book.rows, tall, strict=True):
        wide = WHOLE // len(row)
        for place, sheet in enumerate(row):
            parts.append(zones.zone(place * wide, top, wide, pixels, name=sheet.name))
        top += pixels
    return element(
        "dashboard",
        element("style"),
        element(
            "size", maxheight=height, maxwidth=_WIDTH, minheight=height, minwidth=_WIDTH,
            sizing_mode="fixed",
        ),
        element("zones", zones.zone(0, 0, WHOLE, height, *parts, type_v2="layout-basic")),
        simple_id(dashboard.name, "dashboard"),
        name=_name(book),
    )  # fmt: skip


class _Zones:
    """Makes the zones of a dashboard of a height in pixels, each with a number of its own."""

    def __init__(self, height: int) -> None:
        self.height, self.count = height, 0

    def zone(
        self, x: int, top: int, w: int, pixels: int, *inside: Element, **attributes: Any
    ) -> Element:
        """A zone at a place: from left to right in the dashboard's units, from top to bottom in pixels."""
        self.count += 1
        y, h = (WHOLE * value // self.height for value in (top, pixels))
        return element("zone", *inside, h=h, id=self.count, w=w, x=x, y=y, **attributes)

    def text(self, title: str, question: str, top: int, pixels: int) -> Element:
        """The title and the question of the dashboard."""
        runs = formatted(
            (title, {"fontsize": 16, "bold": True}), (LINE_END, {}), (question, {"fontsize": 10})
        )
        return self.zone(0, top, WHOLE, pixels, runs, type_v2="text")


def _controls(book: Book) -> list[tuple[str, dict[str, Any]]]:
    """The parameters and filters of a dashboard, with titles: one filter for each source that has the field."""
    placed: list[tuple[str, dict[str, Any]]] = [
        (
            title,
            {
                "param": bracketed(PARAMETERS, name),
                "type_v2": "paramctrl",
                "mode": "type_in",
                "custom_title": True,
            },
        )
        for name, (title, _) in sorted(book.parameters.items())
    ]
    found: dict[str, tuple[Control, Sheet]] = {}
    for sheet in book.sheets:
        shown = _Shown(book, sheet)
        for control in sheet.controls:
            if not control.formula:
                instance = shown.range if control.is_range else shown.dimension
                found.setdefault(instance(control.field), (control, sheet))
    titles = [control.title for control, _ in found.values()]
    for column, (control, sheet) in sorted(found.items(), key=lambda entry: entry[1][0].group):
        mode = "slider" if control.is_range else "checkdropdown"
        alone = titles.count(control.title) == 1
        title = control.title if alone else f"{control.title} ({sheet.source.caption})"
        placed.append(
            (
                title,
                {
                    "name": sheet.name,
                    "param": column,
                    "type_v2": "filter",
                    "mode": mode,
                    "custom_title": True,
                },
            )
        )
    return placed


def _dashboard_window(book: Book) -> Element:
    return element(
        "window",
        element("viewpoints", *(element("viewpoint", name=sheet.name) for sheet in book.sheets)),
        element("active", id=-1),
        simple_id(book.dashboard.name, "window", "dashboard"),
        class_="dashboard",
        maximized=True,
        name=_name(book),
    )


def _window(dashboard: str, sheet: Sheet) -> Element:
    return element(
        "window",
        element("cards"),
        simple_id(dashboard, "window", sheet.tile),
        class_="worksheet",
        hidden=True,
        name=sheet.name,
    )


def _name(book: Book) -> str:
    """The name of the dashboard, which no sheet has."""
    title = book.dashboard.title
    taken = {sheet.name.lower() for sheet in book.sheets}
    return f"{title} (dashboard)" if title.lower() in taken else title
