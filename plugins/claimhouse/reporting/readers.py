"""Files about readers: who reads, what they may see and what they are sent.

A file of ``include/clients/`` describes one client; ``include/roles.yaml`` describes the readers
inside the house. ``include/client_schema.yaml`` and ``include/role_schema.yaml`` list what the
files may hold. A file with anything else is an error that names the file and the line, and
nobody's access changes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from claimhouse import contracts, settings, strict_yaml
from claimhouse.reporting import metric_reports, reader_checks, reports
from claimhouse.reporting.reader_checks import Problem

# The kinds of entitlements: the key in a file, and the kind in security.entitlement.
ENTITLEMENT_KINDS = {
    "specialties": "provider_specialty",
    "payers": "payer",
    "procedure_specialties": "procedure_specialty",
    "every_row": "every_row",
    "feeds": "feed",
    "restricted_specialties": "restricted_specialty",
}


class ReaderError(ValueError):
    """A file about readers that cannot be used; the message names the file and the line."""


@dataclass(frozen=True)
class Entitlement:
    """Values that open rows of one source system.

    Attributes:
        kind: one of the values of :data:`ENTITLEMENT_KINDS`.
    """

    source_system: str
    kind: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Login:
    """A person who reads for a client or in a role.

    Attributes:
        role: the login by its name in files and tables; its database role is ``security.login.role_name``.
        specialty: what the reports show the person by default.
        tableau_user: the person's user name in Tableau, in lower case.
        email: the person's mail address.
    """

    role: str
    specialty: str | None = None
    tableau_user: str | None = None
    email: str | None = None


@dataclass(frozen=True)
class Subscription:
    """A report that is sent on a schedule.

    Attributes:
        detail: whether the extract has the report's rows, or its summary only.
        when_empty: ``send`` or ``withhold`` an extract without rows.
        covers: ``all`` rows, or what has ``changed`` since the last extract that was sent.
        identified_by: the columns that identify a row for a client that is sent what has changed.
        when_too_large: what becomes of more rows than the format holds; None for what is usual.
        approve_first: whether a person approves the first extract.
        approve_ratio: a person approves an extract with more than this many times the rows of the
            previous one, or with fewer rows than the previous one divided by it.
        hold_reason: why nothing is sent to the client; None if it is not on hold.
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
    covers: str = "all"
    identified_by: tuple[str, ...] = ()
    when_too_large: str | None = None
    approve_first: bool = False
    approve_ratio: float | None = None
    hold_reason: str | None = None


@dataclass(frozen=True)
class Reader:
    """What a client, or a role inside the house, may see and what it is sent.

    Attributes:
        schemas: what a role inside the house may read besides its reports.
        is_reserved: whether nobody else may read the reports listed here.
        metrics: the metrics that it reads, each at its grains.
        tableau_extracts: those of its reports that a Tableau site holds as extracts.
        time_zone: whose Monday a dashboard is mailed on.
        hold_reason: why nothing is sent to it; None if it is not on hold.
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
    metrics: metric_reports.Grains = field(default_factory=dict)
    tableau_extracts: tuple[str, ...] = ()
    time_zone: str = "UTC"
    hold_reason: str | None = None

    @property
    def role(self) -> str:
        """The login with which the reader's extracts are written."""
        return _login_name(self.name, self.is_internal)

    @property
    def roles(self) -> dict[str, bool]:
        """Every login of the reader, and whether it is the reader's own (not a person's)."""
        return {self.role: True} | {login.role: False for login in self.logins}

    @property
    def feeds(self) -> set[tuple[str, str]]:
        """The feeds whose accepted rows the reader may see: (source system, feed).

        Without those of a source system whose contracts cannot be used: what their columns reveal is not known.
        """
        unknown = contracts.broken({entitlement.source_system for entitlement in self.entitlements})
        return {
            (entitlement.source_system, feed)
            for entitlement in self.entitlements
            if entitlement.kind == "feed" and entitlement.source_system not in unknown
            for feed in entitlement.values
        }

    def entitlements_of(self, role: str) -> list[Entitlement]:
        """The entitlements of the login *role*.

        If any of the reader's people has a specialty, a restricted specialty opens only to the
        people who have it, and to no extract. Otherwise it opens to all roles of the reader.
        """
        has_specialists = any(login.specialty for login in self.logins)
        own_specialties = {login.specialty for login in self.logins if login.role == role}

        def open_values(entitlement: Entitlement) -> tuple[str, ...]:
            if entitlement.kind == "restricted_specialty" and has_specialists:
                return tuple(value for value in entitlement.values if value in own_specialties)
            return entitlement.values

        return [
            replace(entitlement, values=open_values(entitlement))
            for entitlement in self.entitlements
        ]


def load_all(folder: Path | None = None, roles_file: Path | None = None) -> list[Reader]:
    """The clients of *folder* and the roles of *roles_file*, checked against each other.

    Args:
        folder: the client files; ``include/clients`` by default.
        roles_file: ``include/roles.yaml`` by default.

    Raises:
        ReaderError: a file cannot be used.
    """
    roles_file = roles_file or settings.INCLUDE / "roles.yaml"
    readers = [*load_clients(folder), *load_roles(roles_file)]
    _check_reserved(readers, roles_file)
    _check_tableau_users(readers)
    return readers


def load_clients(folder: Path | None = None) -> list[Reader]:
    """The clients of *folder* (``include/clients`` by default), by name.

    Raises:
        ReaderError: a file cannot be used.
    """
    files = sorted((folder or settings.INCLUDE / "clients").glob("*.yaml"))
    return [load_client(file) for file in files]


def load_client(file: Path) -> Reader:
    """The client that *file* describes.

    Raises:
        ReaderError: the file cannot be used; the message names file and line.
    """
    return _reader(
        _read(file, "client_schema.yaml", lambda data: reader_checks.of_client(data, file))
    )


def load_roles(file: Path) -> list[Reader]:
    """The roles inside the house that *file* describes.

    Raises:
        ReaderError: the file cannot be used; the message names file and line.
    """
    data = _read(file, "role_schema.yaml", reader_checks.of_roles)
    return [_reader({"subscriptions": []} | role, is_internal=True) for role in data["roles"]]


def _check_reserved(readers: list[Reader], roles_file: Path) -> None:
    for owner in readers:
        for other in readers:
            # A metric shows each reader the rows of its own.
            reserved = set(owner.reports) - set(metric_reports.names(owner.metrics))
            shared = reserved & set(other.reports)
            if owner.is_reserved and owner is not other and shared:
                raise ReaderError(
                    f"{other.name} lists {', '.join(sorted(shared))}, "
                    f"which {roles_file} reserves for {owner.name}"
                )


def _check_tableau_users(readers: list[Reader]) -> None:
    users = [
        login.tableau_user for reader in readers for login in reader.logins if login.tableau_user
    ]
    if repeated := sorted({user for user in users if users.count(user) > 1}):
        raise ReaderError(f"a Tableau user has more than one login: {', '.join(repeated)}")


def _login_name(name: str, is_internal: bool) -> str:
    return f"{'staff' if is_internal else 'client'}_{name}"


def _reader(data: dict[str, Any], *, is_internal: bool = False) -> Reader:
    role = _login_name(data["name"], is_internal)
    zones = [data.get("time_zone"), *(entry["time_zone"] for entry in data["subscriptions"])]
    reader = Reader(
        name=data["name"],
        title=data["title"],
        privacy_level=data["privacy_level"],
        reports=tuple(data["reports"]),
        entitlements=tuple(_entitlements(data["entitlements"])),
        logins=tuple(_login(role, login) for login in data["logins"]),
        subscriptions=tuple(_subscription(data, entry) for entry in data["subscriptions"]),
        is_internal=is_internal,
        schemas=tuple(data.get("schemas", ())),
        is_reserved=data.get("reserved", False),
        metrics=metric_reports.of_entries(data.get("metrics", ())),
        tableau_extracts=tuple(data.get("tableau_extracts", ())),
        time_zone=next(filter(None, zones), "UTC"),
        hold_reason=data.get("hold"),
    )
    raw_reports = [reports.raw_report(source, feed) for source, feed in sorted(reader.feeds)]
    others = [*raw_reports, *metric_reports.names(reader.metrics)]
    return replace(reader, reports=(*reader.reports, *others))


def _entitlements(entries: list[dict[str, Any]]) -> Iterable[Entitlement]:
    for entry in entries:
        for source in _source_systems(entry["source_system"]):
            for key, kind in ENTITLEMENT_KINDS.items():
                if key in entry:
                    yield Entitlement(source, kind, _values(entry[key]))


def _values(values: list[str] | bool) -> tuple[str, ...]:
    """The values of an entitlement; ``every_row: true`` has the single value ``*``."""
    return ("*",) if values is True else tuple(values or ())


def _source_systems(name: str) -> list[str]:
    """The source systems of an entitlement; in the roles file ``*`` is all of them."""
    return contracts.sources() if name == "*" else [name]


def _login(role: str, entry: str | dict[str, str]) -> Login:
    if isinstance(entry, str):
        return Login(f"{role}__{entry}")
    user = entry.get("tableau_user")
    return Login(
        f"{role}__{entry['name']}",
        entry.get("specialty"),
        user.strip().lower() if user else None,
        entry.get("email"),
    )


def _subscription(reader: dict[str, Any], entry: dict[str, Any]) -> Subscription:
    converted = ("name", "recipients", "approval")
    unchanged = {key: value for key, value in entry.items() if key not in converted}
    approval = entry.get("approval", {})
    keeps_copy = entry.get("covers") == "changed"
    report = reports.load(entry["report"]) if keeps_copy else None
    return Subscription(
        f"{reader['name']}.{entry['name']}",
        recipients=tuple(entry["recipients"]),
        identified_by=report.identified_by if report else (),
        approve_first=approval.get("first", False),
        approve_ratio=approval.get("when_rows_change_by"),
        hold_reason=reader.get("hold"),
        **unchanged,
    )


def _read(
    file: Path, schema: str, check: Callable[[dict[str, Any]], Iterable[Problem]]
) -> dict[str, Any]:
    """The content of *file* after its schema and *check*.

    Raises:
        ReaderError: with the first problem.
    """
    try:
        document = strict_yaml.read(file, _validator(schema))
        for place, reason in check(document.data):
            raise document.error(place, reason)
    except strict_yaml.YamlError as error:
        raise ReaderError(str(error)) from error
    return dict(document.data)


@functools.cache
def _validator(schema: str) -> Draft202012Validator:
    schemas = {
        name: yaml.safe_load((settings.INCLUDE / name).read_text(encoding="utf-8"))
        for name in {"client_schema.yaml", schema}
    }
    # The schema of roles refers to that of clients for what they have in common.
    registry: Registry[Any] = Registry().with_resources(
        (name, DRAFT202012.create_resource(content)) for name, content in schemas.items()
    )
    return Draft202012Validator(schemas[schema], registry=registry)
