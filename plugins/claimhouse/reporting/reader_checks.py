"""Checks of files about readers beyond their schema: names that must exist, values that conflict."""

from __future__ import annotations

import csv
import functools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter

from claimhouse import addresses, contracts, privacy, settings
from claimhouse.metrics import Metric
from claimhouse.reporting import metric_reports, reports
from claimhouse.reporting.reports import Report
from claimhouse.strict_yaml import Place

# The place of a problem in a file, and the problem.
Problem = tuple[Place, str]

# An entitlement of a client has one of these keys: two would open more rows than either.
_ROW_KEYS = ("specialties", "payers", "procedure_specialties")


# What may become of an extract that is too large for its format, by format; a test holds it to delivery.
WHEN_TOO_LARGE = {
    "xlsx": ("parts", "csv", "parquet"),
    "pdf": ("xlsx", "csv", "parquet"),
    "csv": (),
    "parquet": (),
}
# The place of rows.sql that stands for the view of the report, or for those of its rows that have changed.
_SHOWN = re.compile(r"\{\{\s*shown\s*\}\}")


def of_client(data: dict[str, Any], file: Path) -> Iterable[Problem]:
    """The problems of a client's file."""
    if data["name"] != file.stem:
        yield ["name"], f"must be the name of the file: {file.stem}"
    yield from _of_access(data)
    for number, entitlement in enumerate(data["entitlements"]):
        if len(set(_ROW_KEYS) & set(entitlement)) != 1:
            yield ["entitlements", number], f"must have one of {', '.join(_ROW_KEYS)}"
    yield from _of_subscriptions(data)
    yield from _of_people(data)


def of_roles(data: dict[str, Any]) -> Iterable[Problem]:
    """The problems of the roles file."""
    names = [role["name"] for role in data["roles"]]
    for number, role in enumerate(data["roles"]):
        place: Place = ["roles", number]
        if names.count(role["name"]) > 1:
            yield [*place, "name"], "another role has this name"
        for path, reason in _of_role(role):
            yield [*place, *path], reason


def _of_role(role: dict[str, Any]) -> Iterable[Problem]:
    if {"source", "star"} & set(role["schemas"]) and role["privacy_level"] != "identified":
        yield ["schemas"], "source and star have names: only the level identified reads them"
    if "metrics" in role["schemas"] and "star" not in role["schemas"]:
        yield ["schemas"], "the live metrics read the star: list star too, or the key metrics"
    yield from _of_access(role)
    yield from _of_subscriptions(role)
    yield from _of_people(role)
    for number, entitlement in enumerate(role["entitlements"]):
        known = contracts.feeds(entitlement["source_system"])
        for feed in entitlement.get("feeds", []):
            if feed not in known:
                yield ["entitlements", number, "feeds"], f"there is no feed {feed}"


def _of_access(reader: dict[str, Any]) -> Iterable[Problem]:
    """Problems of the reports and logins of a client or role."""
    known = reports.names()
    for number, report in enumerate(reader["reports"]):
        if report not in known:
            yield ["reports", number], f"there is no report {report}"
        elif problem := _of_report(reports.load(report), reader):
            yield ["reports", number], problem
    yield from _of_metrics(reader)
    yield from _of_tableau_extracts(reader)
    names = [login if isinstance(login, str) else login["name"] for login in reader["logins"]]
    for number, name in enumerate(names):
        if names.count(name) > 1:
            yield ["logins", number], "another login has this name"
    for path, specialty in _specialties(reader):
        if specialty not in _known_specialties():
            yield path, f"there is no specialty '{specialty}' in include/reference/specialty.csv"


def _of_tableau_extracts(reader: dict[str, Any]) -> Iterable[Problem]:
    """Problems of what a Tableau site holds of a client or role: it is no wall between people."""
    listed = reader.get("tableau_extracts", [])
    metrics = [name for entry in reader.get("metrics", []) for name in entry["names"]]
    known = {*reader["reports"], *map(metric_reports.name, metrics)}
    for number, report in enumerate(listed):
        if report not in known:
            yield ["tableau_extracts", number], f"the reader has no report {report}"
    has_specialists = any(
        isinstance(login, dict) and "specialty" in login for login in reader["logins"]
    )
    restricted = any("restricted_specialties" in entry for entry in reader["entitlements"])
    if listed and restricted and not has_specialists:
        yield (
            ["tableau_extracts"],
            "the reader's own login sees a restricted specialty, which no extract may hold",
        )


def _of_report(report: Report, reader: dict[str, Any]) -> str | None:
    """Why *reader* may not have *report*; None where it may."""
    if report.is_part:
        return "is a part of other reports and has no view"
    level = reader["privacy_level"]
    if _is_below(level, report.level):
        return f"needs the privacy level {report.level}, and the reader has {level}"
    if report.is_internal and "schemas" not in reader:
        return "only roles inside the house may have it"
    if report.reads_star and "star" not in reader.get("schemas", ()):
        return "shows the star as it is loaded: only roles that read the schema star may have it"
    return None


def _of_metrics(reader: dict[str, Any]) -> Iterable[Problem]:
    """Problems of the metrics of a client or role."""
    for number, entry in enumerate(reader.get("metrics", [])):
        place: Place = ["metrics", number]
        for at, name in enumerate(entry["names"]):
            metric = metric_reports.known().get(name)
            if metric is None:
                yield [*place, "names", at], f"there is no metric {name}"
                continue
            if problem := _of_metric(metric, reader):
                yield [*place, "names", at], f"{name} {problem}"
            for position, cuts in enumerate(entry["by"]):
                if problem := _of_cuts(metric, cuts):
                    yield [*place, "by", position], f"{name} {problem}"


def _of_cuts(metric: Metric, cuts: list[str]) -> str | None:
    """Why *metric* cannot be shown by *cuts*; None where it can."""
    if metric_reports.SOURCE in cuts:
        return f"has rows of each source system in any case: leave out {metric_reports.SOURCE}"
    if unknown := [cut for cut in cuts if cut not in metric.dimensions]:
        return f"has no cut {unknown[0]}"
    if metric.not_across and metric.not_across not in cuts:
        return f"does not add up over {metric.not_across}: list that cut too"
    return None


def _of_metric(metric: Metric, reader: dict[str, Any]) -> str | None:
    """Why *reader* may not have *metric*; None where it may."""
    sources = metric_reports.sources(metric)
    opened = [
        entitlement
        for entitlement in reader["entitlements"]
        if entitlement["source_system"] in (*sources, "*")
        and {*_ROW_KEYS, "every_row"} & entitlement.keys()
    ]
    if not opened:
        return f"is of {', '.join(sources)}, of which no row is open to the reader"
    if metric_reports.is_of_base(metric) and not all(
        "every_row" in entitlement for entitlement in opened
    ):
        return "is made of every row: only a reader with every_row may have it"
    if _is_below(reader["privacy_level"], "limited") and not all(
        "responsible" in entitlement for entitlement in opened
    ):
        return (
            "can count few people: it needs the privacy level limited, or responsible entitlements"
        )
    return metric_reports.problem(metric)


def _is_below(level: str, other: str) -> bool:
    return privacy.LEVELS.index(level) < privacy.LEVELS.index(other)


def _specialties(reader: dict[str, Any]) -> Iterable[tuple[Place, str]]:
    """The specialties of procedures that a client or role names; a provider's are its source's words."""
    for number, entitlement in enumerate(reader["entitlements"]):
        for key in ("procedure_specialties", "restricted_specialties"):
            for specialty in entitlement.get(key, []):
                yield ["entitlements", number, key], specialty
    for number, login in enumerate(reader["logins"]):
        if isinstance(login, dict) and "specialty" in login:
            yield ["logins", number, "specialty"], login["specialty"]


@functools.cache
def _known_specialties() -> frozenset[str]:
    file = settings.INCLUDE / "reference" / "specialty.csv"
    with file.open(encoding="utf-8", newline="") as lines:
        return frozenset(row["specialty"] for row in csv.DictReader(lines))


def _of_subscriptions(reader: dict[str, Any]) -> Iterable[Problem]:
    """Problems of the subscriptions of a client or role; a role may have none."""
    names: set[str] = set()
    for number, subscription in enumerate(reader.get("subscriptions", [])):
        place: Place = ["subscriptions", number]
        if subscription["name"] in names:
            yield [*place, "name"], "another subscription has this name"
        names.add(subscription["name"])
        if subscription["report"] not in reader["reports"]:
            yield [*place, "report"], "not among this reader's reports"
        for path, reason in (
            *_of_schedule(subscription),
            *_of_content(subscription),
            *_of_size(subscription),
            *_of_copy(subscription, reader["privacy_level"]),
            *_of_recipients(subscription),
        ):
            yield [*place, *path], reason


def _of_people(reader: dict[str, Any]) -> Iterable[Problem]:
    """Problems of the mail addresses of people, and of their time zone."""
    if "time_zone" in reader:
        yield from _of_time_zone(reader)
    for number, login in enumerate(reader["logins"]):
        if isinstance(login, dict) and "email" in login:
            try:
                addresses.parse(login["email"])
            except addresses.AddressError as error:
                yield ["logins", number, "email"], str(error)


def _of_recipients(subscription: dict[str, Any]) -> Iterable[Problem]:
    keys: set[str] = set()
    for number, recipient in enumerate(subscription["recipients"]):
        place: Place = ["recipients", number]
        try:
            key = addresses.parse(recipient).key
        except addresses.AddressError as error:
            yield place, str(error)
            continue
        if key in keys:
            yield place, "this address is listed twice: each would get the mail"
        keys.add(key)


def _of_schedule(subscription: dict[str, Any]) -> Iterable[Problem]:
    schedule = subscription["schedule"]
    if len(schedule.split()) != 5 or not croniter.is_valid(schedule):
        yield ["schedule"], "not a cron expression of five fields"
    yield from _of_time_zone(subscription)


def _of_time_zone(entry: dict[str, Any]) -> Iterable[Problem]:
    try:
        ZoneInfo(entry["time_zone"])
    except (KeyError, ValueError, OSError):
        yield ["time_zone"], "not a time zone of the IANA database"


def _of_content(subscription: dict[str, Any]) -> Iterable[Problem]:
    """What a subscription asks for that its report or format cannot give."""
    folder = reports.folder(subscription["report"])
    if subscription.get("detail", True):
        if not (folder / "rows.sql").exists():
            yield ["report"], f"has no rows: there is no {folder.name}/rows.sql in sql/reporting"
    elif subscription["format"] in ("csv", "parquet"):
        yield ["detail"], f"a {subscription['format']} file consists of rows"
    elif not (folder / "summary.sql").exists():
        yield ["detail"], f"{folder.name} has no summary"


def _of_size(subscription: dict[str, Any]) -> Iterable[Problem]:
    """What cannot become of an extract that is too large for its format."""
    larger, form = subscription.get("when_too_large"), subscription["format"]
    if larger and not WHEN_TOO_LARGE[form]:
        yield ["when_too_large"], f"a {form} file holds any number of rows"
    elif larger and larger not in WHEN_TOO_LARGE[form]:
        yield ["when_too_large"], f"of {form} it is one of {', '.join(WHEN_TOO_LARGE[form])}"


def _of_copy(subscription: dict[str, Any], level: str) -> Iterable[Problem]:
    """Why a client cannot be sent what has changed of a report."""
    if subscription.get("covers") != "changed" or subscription["report"] not in reports.names():
        return
    report = reports.load(subscription["report"])
    place: Place = ["covers"]
    rows = reports.folder(report.name) / "rows.sql"
    if not report.identified_by:
        yield (
            place,
            f"nothing identifies a row of {report.name}: its report.yaml has no identified_by",
        )
    elif _is_below(level, "limited") and any(map(_is_pseudonym, report.identified_by)):
        yield place, "pseudonyms identify the rows, and a reader has them from the level limited on"
    if not subscription.get("detail", True):
        yield place, "needs rows: detail is false"
    elif rows.exists() and not _SHOWN.search(rows.read_text("utf-8")):
        yield place, f"{report.name}/rows.sql must select from {{{{ shown }}}}"


def _is_pseudonym(column: str) -> bool:
    return column.endswith("_pseudonym")
