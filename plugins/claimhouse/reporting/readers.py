"""Client files and the roles file: who reads, what they may see and what they are sent.

One file of ``include/clients/`` says all there is to say of one client; ``include/roles.yaml``
says it of the readers inside the house. ``include/client_schema.yaml`` and
``include/role_schema.yaml`` list what they may hold. A file that says more, less or anything
else is an error that names the file and the line, and then nobody's access changes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from croniter import croniter
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from claimhouse import contracts, settings, strict_yaml
from claimhouse.strict_yaml import Place

# What an entitlement opens, and what security.entitlement calls it.
KINDS = {
    "specialties": "provider_specialty",
    "payers": "payer",
    "procedure_specialties": "procedure_specialty",
    "every_row": "every_row",
    "feeds": "feed",
    "restricted_specialties": "restricted_specialty",
}
# Of these an entitlement of a client names one: two would open more rows than either.
_ONE_OF = ("specialties", "payers", "procedure_specialties")


# Where something is wrong in a file, and what.
Problem = tuple[Place, str]


class ClientError(ValueError):
    """A client file that cannot be used; the message names the file and the line."""


@dataclass(frozen=True)
class Entitlement:
    """Values that open rows of one source system; ``kind`` is one of :data:`KINDS`."""

    source_system: str
    kind: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Login:
    """A person of a client.

    Attributes:
        role: the database role it logs in as.
        specialty: what its views show by default.
        tableau_user: its name in Tableau, in small letters.
    """

    role: str
    specialty: str | None = None
    tableau_user: str | None = None


@dataclass(frozen=True)
class Subscription:
    """A report that is sent on a schedule.

    Attributes:
        detail: whether the file holds the rows, or the summary alone.
        when_empty: ``send`` or ``withhold`` a report without rows.
        approve_first: whether a person approves the first delivery.
        approve_ratio: a person approves a file with more than this many times the rows of the
            last one, or less than this part of them.
        hold_reason: why nothing is sent to the client; None where it is.
    """

    subscription_id: str
    report: str
    format: str
    schedule: str
    time_zone: str
    recipients: tuple[str, ...]
    transport: str
    reason: str
    detail: bool = True
    when_empty: str = "send"
    approve_first: bool = False
    approve_ratio: float | None = None
    hold_reason: str | None = None


@dataclass(frozen=True)
class Client:
    """What one client, or one role inside the house, may see and what it is sent.

    Attributes:
        schemas: what an internal role may read beside its secured views.
        is_reserved: whether nobody else may read the reports named here.
    """

    name: str
    title: str
    privacy_level: str
    reports: tuple[str, ...]
    entitlements: tuple[Entitlement, ...]
    logins: tuple[Login, ...]
    subscriptions: tuple[Subscription, ...] = ()
    is_internal: bool = False
    schemas: tuple[str, ...] = ()
    is_reserved: bool = False

    @property
    def role(self) -> str:
        """The database role as which the client's extracts are written."""
        return _role(self.name, self.is_internal)

    @property
    def roles(self) -> dict[str, bool]:
        """Every role of the client, and whether it is its own (not a person's)."""
        return {self.role: True} | {login.role: False for login in self.logins}

    def entitlements_of(self, role: str) -> list[Entitlement]:
        """What *role* may see: where people have specialties, a restricted one is theirs alone.

        In a client whose people have specialties, what is restricted opens only to those whose
        own it is, and to no extract. In one whose people have none it opens to all.
        """
        has_team = any(login.specialty for login in self.logins)
        own = {login.specialty for login in self.logins if login.role == role}

        def open_to_role(one: Entitlement) -> tuple[str, ...]:
            if one.kind == "restricted_specialty" and has_team:
                return tuple(value for value in one.values if value in own)
            return one.values

        return [replace(one, values=open_to_role(one)) for one in self.entitlements]


def load_everyone(folder: Path | None = None, roles: Path | None = None) -> list[Client]:
    """The clients of *folder* and the internal roles of *roles*, who must not be in each other's way.

    Args:
        folder: the client files; ``include/clients`` when left out.
        roles: the roles file; ``include/roles.yaml`` when left out.

    Raises:
        ClientError: a file says something it may not.
    """
    file = roles or settings.INCLUDE / "roles.yaml"
    everyone = [*load_all(folder), *load_roles(file)]
    for owner in everyone:
        for other in everyone:
            shared = set(owner.reports) & set(other.reports)
            if owner.is_reserved and owner is not other and shared:
                raise ClientError(
                    f"{other.name} names {', '.join(sorted(shared))}, which {file} reserves for {owner.name}"
                )
    users = [one.tableau_user for each in everyone for one in each.logins if one.tableau_user]
    if twice := sorted({user for user in users if users.count(user) > 1}):
        raise ClientError(f"one Tableau user is two logins: {', '.join(twice)}")
    return everyone


def load_all(folder: Path | None = None) -> list[Client]:
    """The clients of *folder* (``include/clients`` when left out), by name.

    Raises:
        ClientError: a file says something it may not.
    """
    files = sorted((folder or settings.INCLUDE / "clients").glob("*.yaml"))
    return [load(file) for file in files]


def load(file: Path) -> Client:
    """The client that *file* describes.

    Raises:
        ClientError: it says something it may not; the message names file and line.
    """
    return _client(_read(file, "client_schema.yaml", lambda data: _unusable(data, file)))


def load_roles(file: Path) -> list[Client]:
    """The internal roles that *file* describes.

    Raises:
        ClientError: it says something it may not; the message names file and line.
    """
    data = _read(file, "role_schema.yaml", _unusable_roles)
    return [_client({"subscriptions": []} | one, is_internal=True) for one in data["roles"]]


def raw_view(source_system: str, feed: str) -> str:
    """The secured view of a feed's rows as they came."""
    return f"raw_{source_system}_{feed}"


def _role(name: str, is_internal: bool) -> str:
    return f"{'staff' if is_internal else 'client'}_{name}"


def _client(data: dict[str, Any], *, is_internal: bool = False) -> Client:
    said = data["entitlements"]
    entitlements = [
        Entitlement(source, KINDS[key], _values(one[key]))
        for one in said
        for source in _sources(one["source_system"])
        for key in KINDS
        if key in one
    ]
    raw = [
        raw_view(one.source_system, feed)
        for one in entitlements
        if one.kind == "feed"
        for feed in one.values
    ]
    role = _role(data["name"], is_internal)
    return Client(
        name=data["name"],
        title=data["title"],
        privacy_level=data["privacy_level"],
        reports=(*data["reports"], *raw),
        entitlements=tuple(entitlements),
        logins=tuple(_login(role, one) for one in data["logins"]),
        subscriptions=tuple(_subscription(data, one) for one in data["subscriptions"]),
        is_internal=is_internal,
        schemas=tuple(data.get("schemas", ())),
        is_reserved=data.get("reserved", False),
    )


def _values(said: list[str] | bool) -> tuple[str, ...]:
    """The values of an entitlement; ``every_row`` has none, and says so with a star."""
    return ("*",) if said is True else tuple(said or ())


def _sources(name: str) -> list[str]:
    """The source systems an entitlement names; in the roles file the star stands for all."""
    return contracts.sources() if name == "*" else [name]


def _login(role: str, said: str | dict[str, str]) -> Login:
    if isinstance(said, str):
        return Login(f"{role}__{said}")
    user = said.get("tableau_user")
    return Login(
        f"{role}__{said['name']}", said.get("specialty"), user.strip().lower() if user else None
    )


def _subscription(client: dict[str, Any], said: dict[str, Any]) -> Subscription:
    own = ("name", "recipients", "approval")
    rest = {key: value for key, value in said.items() if key not in own}
    approval = said.get("approval", {})
    return Subscription(
        f"{client['name']}.{said['name']}",
        recipients=tuple(said["recipients"]),
        approve_first=approval.get("first", False),
        approve_ratio=approval.get("when_rows_change_by"),
        hold_reason=client.get("hold"),
        **rest,
    )


def _read(
    file: Path, schema: str, unusable: Callable[[dict[str, Any]], Iterable[Problem]]
) -> dict[str, Any]:
    """What *file* says, once nothing is wrong with it.

    Raises:
        ClientError: something is; the message names file and line.
    """
    try:
        document = strict_yaml.read(file, _validator(schema))
        for place, why in unusable(document.data):
            raise document.error(place, why)
    except strict_yaml.YamlError as error:
        raise ClientError(str(error)) from error
    return dict(document.data)


@functools.cache
def _validator(schema: str) -> Draft202012Validator:
    shapes = {
        name: yaml.safe_load((settings.INCLUDE / name).read_text(encoding="utf-8"))
        for name in {"client_schema.yaml", schema}
    }
    # What roles have in common with clients is described once, for clients.
    registry: Registry[Any] = Registry().with_resources(
        (name, DRAFT202012.create_resource(shape)) for name, shape in shapes.items()
    )
    return Draft202012Validator(shapes[schema], registry=registry)


def _unusable_roles(data: dict[str, Any]) -> Iterable[Problem]:
    """Values of the right shape that still cannot be, in the roles file."""
    names = [one["name"] for one in data["roles"]]
    for number, one in enumerate(data["roles"]):
        place: Place = ["roles", number]
        if names.count(one["name"]) > 1:
            yield [*place, "name"], "another role has this name"
        if {"source", "star"} & set(one["schemas"]) and one["privacy_level"] != "identified":
            yield (
                [*place, "schemas"],
                "source and star hold names: only the level identified reads them",
            )
        for path, why in [*_unusable_access(one), *_unusable_subscriptions(one)]:
            yield [*place, *path], why
        for position, said in enumerate(one["entitlements"]):
            known = {found.feed for found in contracts.of_source(said["source_system"])}
            for feed in said.get("feeds", []):
                if feed not in known:
                    yield [*place, "entitlements", position, "feeds"], f"there is no feed {feed}"


def reports() -> list[str]:
    """The reports that have a view: the folders of ``include/sql/reporting`` with a ``view.sql``."""
    files = (settings.INCLUDE / "sql" / "reporting").glob("*/view.sql")
    return sorted(file.parent.name for file in files)


def _unusable_access(data: dict[str, Any]) -> Iterable[Problem]:
    """Reports and people that cannot be."""
    known = reports()
    for number, report in enumerate(data["reports"]):
        if report not in known:
            yield ["reports", number], f"there is no secured view {report}"
        if report.startswith("identified_") and data["privacy_level"] != "identified":
            yield ["reports", number], "shows identifiers: only the level identified reads it"
    names = [one if isinstance(one, str) else one["name"] for one in data["logins"]]
    for number, name in enumerate(names):
        if names.count(name) > 1:
            yield ["logins", number], "said twice"


def _unusable(data: dict[str, Any], file: Path) -> Iterable[Problem]:
    """Values of the right shape that still cannot be, in a client's file."""
    if data["name"] != file.stem:
        yield ["name"], f"the file of this client is {data['name']}.yaml"
    yield from _unusable_access(data)
    for number, said in enumerate(data["entitlements"]):
        if len(set(_ONE_OF) & set(said)) != 1:
            yield ["entitlements", number], f"names one of {', '.join(_ONE_OF)}"
    yield from _unusable_subscriptions(data)


def _unusable_subscriptions(data: dict[str, Any]) -> Iterable[Problem]:
    """Deliveries that cannot be; a role may have none."""
    seen: set[str] = set()
    for number, said in enumerate(data.get("subscriptions", [])):
        place: Place = ["subscriptions", number]
        if said["name"] in seen:
            yield [*place, "name"], "another subscription has this name"
        seen.add(said["name"])
        if said["report"] not in data["reports"]:
            yield [*place, "report"], "not among this client's reports"
        if len(said["schedule"].split()) != 5 or not croniter.is_valid(said["schedule"]):
            yield [*place, "schedule"], "not a cron expression of five fields"
        try:
            ZoneInfo(said["time_zone"])
        except (KeyError, ValueError, OSError):
            yield [*place, "time_zone"], "not a time zone of the IANA database"
        for path, why in _unusable_content(said):
            yield [*place, *path], why


def _unusable_content(said: dict[str, Any]) -> Iterable[Problem]:
    """What a subscription asks of a file that its report or format cannot give."""
    folder = settings.INCLUDE / "sql" / "reporting" / said["report"]
    if said.get("detail", True):
        if not (folder / "rows.sql").exists():
            yield ["report"], f"has no rows: there is no {folder.name}/rows.sql in sql/reporting"
    elif said["format"] in ("csv", "parquet"):
        yield ["detail"], f"a {said['format']} file is the rows"
    elif not (folder / "summary.sql").exists():
        yield ["detail"], f"{said['report']} has no summary that could stand alone"
