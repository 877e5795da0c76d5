"""Client files: one YAML file says all there is to say of one client.

``include/client_schema.yaml`` lists what a file may hold. A file that says more, less or
anything else is an error that names the file and the line, and then nobody's access changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from croniter import croniter
from jsonschema import Draft202012Validator

from claimhouse import settings

# Built so far. A level that is not built is refused: never stood in for by a more open one.
PRIVACY_LEVELS = ("limited",)


class ClientError(ValueError):
    """A client file that cannot be used; the message names the file and the line."""


@dataclass(frozen=True)
class Entitlement:
    """The provider specialties of one source system whose claims a client may see."""

    source_system: str
    specialties: tuple[str, ...]


@dataclass(frozen=True)
class Subscription:
    """A report that is sent on a schedule."""

    subscription_id: str
    report: str
    format: str
    schedule: str
    time_zone: str
    recipients: tuple[str, ...]
    transport: str
    reason: str


@dataclass(frozen=True)
class Client:
    """What one client may see and what it is sent."""

    name: str
    title: str
    privacy_level: str
    reports: tuple[str, ...]
    entitlements: tuple[Entitlement, ...]
    logins: tuple[str, ...]
    subscriptions: tuple[Subscription, ...]

    @property
    def role(self) -> str:
        """The database role as which the client's extracts are written."""
        return f"client_{self.name}"

    @property
    def roles(self) -> dict[str, bool]:
        """Every role of the client, and whether it is its own (not a person's)."""
        return {self.role: True} | {f"{self.role}__{login}": False for login in self.logins}


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
    text = file.read_text(encoding="utf-8")
    try:
        tree, data = yaml.compose(text), yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ClientError(f"{file}:{mark.line + 1 if mark else 1}: not YAML") from error
    for path, why in [*_repeated(tree), *_problems(data, file)]:
        raise ClientError(
            f"{file}:{_line(tree, path)}: {'.'.join(map(str, path)) or 'file'}: {why}"
        )
    return Client(
        name=data["name"],
        title=data["title"],
        privacy_level=data["privacy_level"],
        reports=tuple(data["reports"]),
        entitlements=tuple(
            Entitlement(one["source_system"], tuple(one["specialties"]))
            for one in data["entitlements"]
        ),
        logins=tuple(data["logins"]),
        subscriptions=tuple(_subscription(data["name"], one) for one in data["subscriptions"]),
    )


def _subscription(client: str, said: dict[str, Any]) -> Subscription:
    rest = {key: value for key, value in said.items() if key not in ("name", "recipients")}
    return Subscription(f"{client}.{said['name']}", recipients=tuple(said["recipients"]), **rest)


def _repeated(node: yaml.Node | None) -> list[tuple[list[str | int], str]]:
    """Keys said twice, of which YAML would silently keep the last."""
    found: list[tuple[list[str | int], str]] = []
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value]
        found = [([key], "said twice") for key in keys if keys.count(key) > 1]
        for key, value in node.value:
            found += [([key.value, *path], why) for path, why in _repeated(value)]
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            found += [([number, *path], why) for path, why in _repeated(item)]
    return found


def _problems(data: Any, file: Path) -> Iterable[tuple[list[str | int], str]]:
    """What is wrong with *data*, and where: the shape first, for the rest relies on it."""
    schema = yaml.safe_load((settings.INCLUDE / "client_schema.yaml").read_text(encoding="utf-8"))
    shape = list(Draft202012Validator(schema).iter_errors(data))
    for error in sorted(shape, key=lambda one: list(map(str, one.absolute_path))):
        place = list(error.absolute_path)
        if error.validator == "additionalProperties":
            place.append(
                next(key for key in error.instance if key not in error.schema["properties"])
            )
            yield place, "unknown key"
        else:
            yield place, error.message
    if not shape:
        yield from _unusable(data, file)


def _unusable(data: dict[str, Any], file: Path) -> Iterable[tuple[list[str | int], str]]:
    """Values of the right shape that still cannot be."""
    if data["name"] != file.stem:
        yield ["name"], f"the file of this client is {data['name']}.yaml"
    if data["privacy_level"] not in PRIVACY_LEVELS:
        yield ["privacy_level"], f"{data['privacy_level']} is not built yet"
    known = {view.stem for view in (settings.INCLUDE / "sql" / "reporting").glob("*.sql")}
    for number, report in enumerate(data["reports"]):
        if report not in known:
            yield ["reports", number], f"there is no secured view {report}"
    seen: set[str] = set()
    for number, said in enumerate(data["subscriptions"]):
        place: list[str | int] = ["subscriptions", number]
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


def _line(tree: yaml.Node | None, path: list[str | int]) -> int:
    """The line on which *path* stands; where it breaks off, that of the last part found."""
    node, line = tree, 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            found = [pair for pair in node.value if pair[0].value == part]
            if not found:
                break
            line, node = found[0][0].start_mark.line + 1, found[0][1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line
