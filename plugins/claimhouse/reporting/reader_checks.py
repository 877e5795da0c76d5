"""Checks of files about readers beyond their schema: names that must exist, values that conflict."""

from __future__ import annotations

import csv
import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from croniter import croniter

from claimhouse import addresses, contracts, privacy, settings
from claimhouse.reporting import reports
from claimhouse.reporting.reports import Report
from claimhouse.strict_yaml import Place

# The place of a problem in a file, and the problem.
Problem = tuple[Place, str]

# An entitlement of a client has one of these keys: two would open more rows than either.
_ROW_KEYS = ("specialties", "payers", "procedure_specialties")


def of_client(data: dict[str, Any], file: Path) -> Iterable[Problem]:
    """The problems of a client's file."""
    if data["name"] != file.stem:
        yield ["name"], f"must be the name of the file: {file.stem}"
    yield from _of_access(data)
    for number, entitlement in enumerate(data["entitlements"]):
        if len(set(_ROW_KEYS) & set(entitlement)) != 1:
            yield ["entitlements", number], f"must have one of {', '.join(_ROW_KEYS)}"
    yield from _of_subscriptions(data)


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
    yield from _of_access(role)
    yield from _of_subscriptions(role)
    for number, entitlement in enumerate(role["entitlements"]):
        known = {contract.feed for contract in contracts.of_source(entitlement["source_system"])}
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
    names = [login if isinstance(login, str) else login["name"] for login in reader["logins"]]
    for number, name in enumerate(names):
        if names.count(name) > 1:
            yield ["logins", number], "another login has this name"
    for path, specialty in _specialties(reader):
        if specialty not in _known_specialties():
            yield path, f"there is no specialty '{specialty}' in include/reference/specialty.csv"


def _of_report(report: Report, reader: dict[str, Any]) -> str | None:
    """Why *reader* may not have *report*; None where it may."""
    level = reader["privacy_level"]
    if privacy.LEVELS.index(level) < privacy.LEVELS.index(report.level):
        return f"needs the privacy level {report.level}, and the reader has {level}"
    if report.is_internal and "schemas" not in reader:
        return "only roles inside the house may have it"
    if report.reads_star and "star" not in reader.get("schemas", ()):
        return "shows the star as it is loaded: only roles that read the schema star may have it"
    return None


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
            *_of_recipients(subscription),
        ):
            yield [*place, *path], reason


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
    try:
        ZoneInfo(subscription["time_zone"])
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
