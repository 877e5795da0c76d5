"""Governed metrics: each is defined once, in a file, and published as a view.

``include/metrics/<metric>.yaml`` says what a metric is; ``include/metric_schema.yaml`` lists what
such a file may hold, ``include/metric_dimensions.yaml`` by what metrics may be cut. A view
``metrics.<metric>`` holds what has to be summed up, at the grain of all its cuts together, and
never a finished ratio that somebody could average. ``metrics.roll_up`` holds every metric as a
whole and by each of its cuts, ``metrics.catalog`` what each means and how it is rolled up.

The views are laid to run as their reader, so the row-level security of the star holds in them too;
:func:`claimhouse.reporting.publish` then grants them, and hands them to an owner it also binds.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, sql

from claimhouse import reference, settings, strict_yaml, warehouse
from claimhouse.strict_yaml import Document

log = logging.getLogger(__name__)

# What one kind of metric needs, and no other may say.
NEEDS = {"ratio": "denominator", "share_of_members": "member", "level": "not_across"}
# Names in the schema that no metric may take.
OTHER_RELATIONS = {"catalog", "dimension", "roll_up"}
SCHEMA = "metrics"


@dataclass(frozen=True)
class Dimension:
    """A cut: its name, and the column it is; ``None`` for the table where the fact has it."""

    name: str
    table: str | None
    column: str
    meaning: str


@dataclass(frozen=True)
class Metric:
    """One governed metric.

    Attributes:
        kind: how it rolls up, see ``include/sql/metric/kinds.jinja``. A ``level`` adds up over everything but
            the cut ``not_across``, by which every question must be cut or which it must fix.
        numerator: SQL over the fact and its dimensions; of ``sum``, ``level`` and ``ratio`` an
            aggregate, of ``median`` the value of a row, of ``share_of_members`` a condition.
        member: of ``share_of_members``, what is counted, each once.
        filter: which rows of the fact count; all, where it is left out.
    """

    name: str
    title: str
    sentence: str
    owner: str
    unit: str
    kind: str
    source: str
    fact: str
    numerator: str
    dimensions: tuple[str, ...]
    denominator: str | None = None
    member: str | None = None
    not_across: str | None = None
    filter: str | None = None


def dimensions(file: Path | None = None) -> dict[str, Dimension]:
    """The cuts there are, by name.

    Raises:
        YamlError: the file says something it may not.
    """
    document = strict_yaml.read(file or settings.INCLUDE / "metric_dimensions.yaml")
    found = {}
    for name, said in document.data.items():
        if not isinstance(said, dict) or set(said) != {"column", "meaning"}:
            raise document.error([name], "a cut has a column and a meaning")
        table, _, column = said["column"].rpartition(".")
        found[name] = Dimension(name, table or None, column, said["meaning"])
    return found


def load_all(folder: Path | None = None) -> list[Metric]:
    """The metrics of *folder* (``include/metrics`` when left out), by name.

    Raises:
        YamlError: a file says something it may not; the message names file and line.
    """
    cuts = dimensions()
    return [load(file, cuts)[0] for file in _files(folder)]


def load(file: Path, cuts: dict[str, Dimension]) -> tuple[Metric, Document]:
    """The metric that *file* defines, and the file as it stands; *cuts* are all there are.

    Raises:
        YamlError: it says something it may not; the message names file and line.
    """
    document = strict_yaml.read(file, settings.INCLUDE / "metric_schema.yaml")
    said = document.data
    if said["name"] != file.stem:
        raise document.error(["name"], f"the file of this metric is {said['name']}.yaml")
    if said["name"] in OTHER_RELATIONS | set(_bases()):
        raise document.error(["name"], "another view of the schema has this name")
    for kind, key in NEEDS.items():
        if said["kind"] == kind and key not in said:
            raise document.error(["kind"], f"a {kind} needs the key {key}")
        if said["kind"] != kind and key in said:
            raise document.error([key], f"only a {kind} has it")
    for number, name in enumerate(said["dimensions"]):
        if name not in cuts:
            raise document.error(["dimensions", number], "no cut of include/metric_dimensions.yaml")
    if said.get("not_across", said["dimensions"][0]) not in said["dimensions"]:
        raise document.error(["not_across"], "not among the dimensions")
    return Metric(**{**said, "dimensions": tuple(said["dimensions"])}), document


def publish(connection: Connection[Any], folder: Path | None = None) -> list[str]:
    """Lay the schema ``metrics`` anew: all of it, or nothing. Safe to repeat.

    Grants on its views do not outlive this; :func:`claimhouse.reporting.publish` lays them.

    Args:
        connection: a connection of the warehouse's owner.
        folder: the metrics' folder; ``include/metrics`` when left out.

    Returns:
        The names of the metrics.

    Raises:
        YamlError: a file says something it may not, or SQL that the star does not answer.
    """
    cuts = dimensions()
    found = [load(file, cuts) for file in _files(folder)]
    metrics = [metric for metric, _ in found]
    with connection.transaction():
        reference.lay(connection)
        warehouse.run(connection, "metrics/drop_views")
        for base in _bases():
            warehouse.run(connection, f"metrics/{base}")
        for metric, document in found:
            _lay(connection, metric, document, cuts)
        warehouse.run(connection, "metrics/roll_up", metrics=[_rolled_up(one) for one in metrics])
        said = json.dumps([asdict(one) for one in metrics])
        warehouse.query(connection, "metrics/catalog", said)
        warehouse.query(connection, "metrics/dimension", json.dumps(_described(cuts)))
    log.info("published %d metrics", len(metrics))
    return [one.name for one in metrics]


def _files(folder: Path | None) -> list[Path]:
    return sorted((folder or settings.INCLUDE / "metrics").glob("*.yaml"))


def _bases() -> list[str]:
    """The views that metrics stand on where no single fact would do."""
    return sorted(file.stem for file in (settings.INCLUDE / "sql" / "metrics").glob("*.sql"))


def _lay(
    connection: Connection[Any], metric: Metric, document: Document, cuts: dict[str, Dimension]
) -> None:
    """Create the view of one metric.

    Raises:
        YamlError: the server refused it.
    """
    text = warehouse.sql(
        "metrics/metric", **_names(metric, [cuts[one] for one in metric.dimensions])
    )
    try:
        with connection.transaction():
            connection.execute(text.encode())
    except psycopg.Error as error:
        raise document.error(["numerator"], str(error.diag.message_primary)) from None
    comment = sql.SQL("comment on view {} is {}").format(
        sql.Identifier(SCHEMA, metric.name), sql.Literal(metric.sentence.strip())
    )
    connection.execute(comment)


def _names(metric: Metric, cuts: Sequence[Dimension]) -> dict[str, Any]:
    """What the SQL file calls the parts of *metric*."""
    said = [metric.numerator, metric.denominator or "", metric.member or "", metric.filter or ""]
    mentioned = set(re.findall(r"\b(dim_\w+)\.", " ".join(said)))
    joined = sorted(mentioned | {one.table for one in cuts if one.table})
    schema = SCHEMA if metric.fact in _bases() else "star"
    return {
        "metric": metric,
        "relation": f"{schema}.{metric.fact}",
        "joins": [{"table": table, "key": f"{table.removeprefix('dim_')}_key"} for table in joined],
        "cuts": [
            {"name": one.name, "table": one.table or metric.fact, "column": one.column}
            for one in cuts
        ],
    }


def _rolled_up(metric: Metric) -> dict[str, Any]:
    """What the view of all roll-ups needs to know of *metric*."""
    cuts = [one for one in metric.dimensions if one != metric.not_across]
    return asdict(metric) | {"cuts": cuts}


def _described(cuts: dict[str, Dimension]) -> list[dict[str, str]]:
    return [
        {
            "dimension": one.name,
            "column_name": f"star.{one.table}.{one.column}" if one.table else one.column,
            "meaning": one.meaning,
        }
        for one in cuts.values()
    ]
