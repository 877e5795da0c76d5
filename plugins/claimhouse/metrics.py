"""Governed metrics: each is defined once, in a file, and published as a view.

``include/metrics/<metric>.yaml`` defines a metric; ``include/metric_schema.yaml`` lists what such a
file can say, ``include/metric_dimensions.yaml`` the cuts. A view ``metrics.<metric>`` holds the sums
at the grain of all cuts together, and never a finished ratio that somebody could average.
``metrics.roll_up`` holds every metric as a whole and by each of its cuts, ``metrics.catalog`` what
each means and how it is rolled up.

The views are live and run with the rights of their reader, who reads the star too;
:func:`claimhouse.reporting.publish` then grants them. Everybody else reads metrics as reports, at the
cuts that the file of the reader lists, see :mod:`claimhouse.reporting.metric_reports`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, sql

from claimhouse import reference, settings, strict_yaml, warehouse
from claimhouse.strict_yaml import Document

log = logging.getLogger(__name__)

# The key that one kind of metric needs, and no other can have.
NEEDS = {"ratio": "denominator", "share_of_members": "member", "level": "not_across"}
# Names in the schema that no metric can take.
OTHER_RELATIONS = {"catalog", "dimension", "roll_up"}
SCHEMA = "metrics"


@dataclass(frozen=True)
class Dimension:
    """A cut: its name, table and column; the table is ``None`` where the fact has the column."""

    name: str
    table: str | None
    column: str
    meaning: str


@dataclass(frozen=True)
class Metric:
    """One governed metric.

    Attributes:
        kind: how it rolls up, see ``sql/metrics/kinds.jinja``. A ``level`` adds up over all cuts but
            ``not_across``: group by that one, or fix it.
        numerator: SQL over the fact and its dimensions: an aggregate for ``sum``, ``level`` and
            ``ratio``, the value of a row for ``median``, a condition for ``share_of_members``.
        member: for ``share_of_members``, what is counted, each once.
        filter: which rows of the fact count; all when left out.
        unknown: for a ratio that counts words, an aggregate: how many rows are on neither side because
            their word is missing or in no list of ``include/reference``.
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
    unknown: str | None = None


def dimensions(file: Path | None = None) -> dict[str, Dimension]:
    """All cuts, by name.

    Raises:
        YamlError: the file says something it may not.
    """
    document = strict_yaml.read(file or settings.INCLUDE / "metric_dimensions.yaml")
    cuts = {}
    for name, cut in document.data.items():
        if not isinstance(cut, dict) or set(cut) != {"column", "meaning"}:
            raise document.error([name], "a cut has a column and a meaning")
        table, _, column = cut["column"].rpartition(".")
        cuts[name] = Dimension(name, table or None, column, cut["meaning"])
    return cuts


def load_all(folder: Path | None = None) -> list[Metric]:
    """The metrics of *folder* (``include/metrics`` when left out), by name.

    Raises:
        YamlError: a file says something it may not; the message names file and line.
    """
    cuts = dimensions()
    return [load(file, cuts)[0] for file in _files(folder)]


def names() -> set[str]:
    """The names of the metrics; their files need not be sound."""
    return {file.stem for file in _files(None)}


def load(file: Path, cuts: dict[str, Dimension]) -> tuple[Metric, Document]:
    """The metric that *file* defines, and the file itself; *cuts* are all cuts.

    Raises:
        YamlError: it says something it may not; the message names file and line.
    """
    document = strict_yaml.read(file, settings.INCLUDE / "metric_schema.yaml")
    content = document.data
    if content["name"] != file.stem:
        raise document.error(["name"], f"the file of this metric is {content['name']}.yaml")
    if content["name"] in OTHER_RELATIONS | set(_bases()):
        raise document.error(["name"], "another view of the schema has this name")
    for kind, key in NEEDS.items():
        if content["kind"] == kind and key not in content:
            raise document.error(["kind"], f"a {kind} needs the key {key}")
        if content["kind"] != kind and key in content:
            raise document.error([key], f"only a {kind} has it")
    for number, name in enumerate(content["dimensions"]):
        if name not in cuts:
            raise document.error(["dimensions", number], "no cut of include/metric_dimensions.yaml")
    if "unknown" in content and content["kind"] != "ratio":
        raise document.error(["unknown"], "only a ratio has it")
    if content.get("not_across", content["dimensions"][0]) not in content["dimensions"]:
        raise document.error(["not_across"], "not among the dimensions")
    return Metric(**{**content, "dimensions": tuple(content["dimensions"])}), document


def publish(connection: Connection[Any], folder: Path | None = None) -> list[str]:
    """Make the views of the schema ``metrics`` those of the files: all of them, or none. Safe to repeat.

    Views that are those of the files stay: creating one again waits for everybody who reads it. Grants on others
    are lost; :func:`claimhouse.reporting.publish` grants them again.

    Args:
        connection: a connection of the warehouse's owner.
        folder: the metrics' folder; ``include/metrics`` when left out.

    Returns:
        The names of the metrics.

    Raises:
        YamlError: a file says something it may not, or SQL that the star does not answer.
    """
    cuts = dimensions()
    loaded = [load(file, cuts) for file in _files(folder)]
    metrics = [metric for metric, _ in loaded]
    definitions = json.dumps([asdict(metric) for metric in metrics])
    views = _views(metrics, cuts)
    digest = hashlib.sha256("\n".join([definitions, *views.values()]).encode()).hexdigest()
    with connection.transaction():
        reference.fill(connection)
        (state,) = warehouse.query(connection, "metrics/state", digest, list(views))
        if not state["is_current"]:
            warehouse.run(connection, "metrics/drop_views")
            _create_views(connection, views, loaded)
        warehouse.query(connection, "metrics/catalog", definitions, digest)
        warehouse.query(connection, "metrics/dimension", json.dumps(_described(cuts)))
    log.info("published %d metrics", len(metrics))
    return [metric.name for metric in metrics]


def _files(folder: Path | None) -> list[Path]:
    return sorted((folder or settings.INCLUDE / "metrics").glob("*.yaml"))


def _bases() -> list[str]:
    """The views that metrics read where no single fact will do."""
    return sorted(file.stem for file in (settings.INCLUDE / "sql" / "metrics").glob("*.sql"))


def _grain_of(base: str) -> str:
    """What the file of a base says of its grain: the comment at its beginning."""
    text = (settings.INCLUDE / "sql" / "metrics" / f"{base}.sql").read_text("utf-8")
    lines = [line.removeprefix("--").strip() for line in text.splitlines() if line[:2] == "--"]
    return " ".join(lines).replace("'", "''")


def _views(metrics: Sequence[Metric], cuts: Mapping[str, Dimension]) -> dict[str, str]:
    """The SQL of each view by name, in an order in which they can be created."""
    views = {
        base: warehouse.sql("metrics/base", base=base, grain=_grain_of(base)) for base in _bases()
    }
    for metric in metrics:
        own = [cuts[name] for name in metric.dimensions]
        views[metric.name] = warehouse.sql("metrics/metric", **names_in_sql(metric, own))
    rolled_up = [_rolled_up(metric) for metric in metrics]
    return views | {"roll_up": warehouse.sql("metrics/roll_up", metrics=rolled_up)}


def _create_views(
    connection: Connection[Any], views: Mapping[str, str], loaded: Iterable[tuple[Metric, Document]]
) -> None:
    """Create the *views*, and say what each metric is.

    Raises:
        YamlError: the server refused that of a metric.
    """
    documents = {metric.name: document for metric, document in loaded}
    for name, text in views.items():
        try:
            with connection.transaction():
                connection.execute(text.encode())
        except psycopg.Error as error:
            if name not in documents:
                raise
            message = str(error.diag.message_primary)
            raise documents[name].error(["numerator"], message) from None
    for metric, _ in loaded:
        comment = sql.SQL("comment on view {} is {}").format(
            sql.Identifier(SCHEMA, metric.name), sql.Literal(metric.sentence.strip())
        )
        connection.execute(comment)


def names_in_sql(metric: Metric, cuts: Sequence[Dimension]) -> dict[str, Any]:
    """What SQL files call the parts of *metric* by *cuts*."""
    parts = [
        text or ""
        for text in (
            metric.numerator, metric.denominator, metric.member, metric.filter, metric.unknown,
        )
    ]  # fmt: skip
    mentioned = set(re.findall(r"\b(dim_\w+)\.", " ".join(parts)))
    joined = sorted(mentioned | {cut.table for cut in cuts if cut.table})
    schema = SCHEMA if metric.fact in _bases() else "star"
    return {
        "metric": metric,
        "relation": f"{schema}.{metric.fact}",
        "joins": [{"table": table, "key": f"{table.removeprefix('dim_')}_key"} for table in joined],
        "cuts": [
            {"name": cut.name, "table": cut.table or metric.fact, "column": cut.column}
            for cut in cuts
        ],
    }


def _rolled_up(metric: Metric) -> dict[str, Any]:
    """What the view of all roll-ups needs to know about *metric*."""
    cuts = [name for name in metric.dimensions if name != metric.not_across]
    return asdict(metric) | {"cuts": cuts}


def _described(cuts: dict[str, Dimension]) -> list[dict[str, str]]:
    return [
        {
            "dimension": cut.name,
            "column_name": f"star.{cut.table}.{cut.column}" if cut.table else cut.column,
            "meaning": cut.meaning,
        }
        for cut in cuts.values()
    ]
