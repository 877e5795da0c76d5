"""The one module that knows Soda: it runs SodaCL, returns what was measured and leaks nothing.

Left to itself Soda sends usage statistics, writes into the home folder, loads any ``.env`` file
above its own code into the environment, lets environment variables override a scan's variables,
logs SQL and values, and leaves its connection open. All of that is prevented here.
"""

from __future__ import annotations

import copy
import functools
import json
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined, TemplateSyntaxError, meta
from jinja2.sandbox import SandboxedEnvironment
from psycopg.conninfo import conninfo_to_dict

from claimhouse import settings
from claimhouse.checks.lent import LentConnection
from claimhouse.severity import ERROR, WARNING

if TYPE_CHECKING:
    from soda.scan import Scan

DATA_SOURCE = "warehouse"
MOST_EXAMPLES = 100
# The column in which a query of failing rows counts them all, where it returns only some.
COUNT_COLUMN = "failing_rows"
MOST_DEFINITIONS = 10_000
_definitions: dict[str, str] = {}
UNKNOWN_VARIABLE = "Error resolving Jinja template"
# What fills in the variables of checks; a check cannot reach anything else.
TEMPLATES = SandboxedEnvironment(
    variable_start_string="${", variable_end_string="}", undefined=StrictUndefined
)
NO_MAPPING = ("Could not add SodaCL file", "Could not add SodaCL string")


class ScanBroken(RuntimeError):
    """SodaCL that Soda cannot read, or a warehouse it cannot reach; not a fault of the data."""


@dataclass(frozen=True)
class Measured:
    """What Soda measured for one check.

    Attributes:
        outcome: pass, warn, fail, or error where the check could not be run.
        severity: error where the check can fail, warning where it only warns.
        value: what was measured.
        failing_rows: how many rows are wrong, where it is known.
        attributes: the check's own attributes, such as its message.
        examples: some failing rows, by column name.
        problem: what the database said where the check could not be run; it holds no value of a row.
    """

    name: str
    table: str
    definition: str
    severity: str
    outcome: str
    value: float | None
    failing_rows: int | None
    attributes: dict[str, Any]
    examples: list[dict[str, Any]] = field(default_factory=list)
    problem: str = ""


def scan(
    address: str,
    schema: str,
    files: Sequence[Path],
    text: str = "",
    variables: Mapping[str, str] | None = None,
    texts: Mapping[str, str] | None = None,
    connection: LentConnection | None = None,
    prepared: str = "",
) -> list[Measured]:
    """Run SodaCL *files*, and the SodaCL *text*, as one Soda scan.

    Args:
        address: the warehouse's ``postgresql://`` URL.
        schema: where the tables named in ``checks for <table>`` are.
        files: SodaCL files.
        text: SodaCL made from a contract.
        variables: what ``${name}`` stands for.
        texts: more SodaCL, by name.
        connection: in the place of one of its own.
        prepared: SQL that makes temporary tables which the checks read.

    Raises:
        ScanBroken: a check cannot be read, or the warehouse cannot be reached.
    """
    soda_scan = _soda().Scan()
    sampler = _soda().Keeper()
    soda_scan.sampler = sampler
    soda_scan.disable_telemetry()
    # The report for Soda's own service, which nobody reads, takes a quarter of the time of a scan.
    soda_scan.build_scan_results = dict
    soda_scan.set_data_source_name(DATA_SOURCE)
    soda_scan.add_configuration_yaml_str(configuration(address, schema))
    soda_scan.add_variables(dict(variables or {}))
    _add(soda_scan, files)
    if text:
        soda_scan.add_sodacl_yaml_str(text, file_name="from_the_contract")
    for name, more in (texts or {}).items():
        soda_scan.add_sodacl_yaml_str(more, file_name=name)
    _refuse_errors(soda_scan)
    try:
        with _environment_kept(**_certificates(address)):
            if connection is None:
                _prepare(soda_scan, prepared)
            else:
                _lend(soda_scan, connection)
        soda_scan.execute()
        if unknown := [
            log for log in soda_scan.get_error_logs() if log.message.startswith(UNKNOWN_VARIABLE)
        ]:
            raise ScanBroken(_unknown_variable(unknown[0].message, files, variables or {}))
        failed = [query for query in soda_scan._queries if query.exception is not None]
        return [_measured(check, sampler, failed) for check in soda_scan._checks]
    finally:
        for source in soda_scan._data_source_manager.data_sources.values():
            source.connection.close()


def named(files: Sequence[Path]) -> set[str]:
    """The variables that SodaCL *files* name; none of a file that cannot be read, which a scan reports."""
    names: set[str] = set()
    for file in files:
        try:
            names |= meta.find_undeclared_variables(TEMPLATES.parse(file.read_text("utf-8")))
        except TemplateSyntaxError:
            continue
    return names


def _add(soda_scan: Scan, files: Sequence[Path]) -> None:
    """Add the checks of *files*, which another scan of this process may have read already."""
    reader = _reader(tuple((file, file.stat().st_mtime_ns) for file in files))
    if reader is None:
        for file in files:
            soda_scan.add_sodacl_yaml_file(str(file))
        return
    same = {id(reader): soda_scan, id(reader._logs): soda_scan._logs}
    soda_scan._sodacl_cfg = copy.deepcopy(reader._sodacl_cfg, same)


@functools.lru_cache(maxsize=128)
def _reader(files: tuple[tuple[Path, int], ...]) -> Scan | None:
    """A scan that has read *files* and is never run: reading them takes longer than to copy what was read.

    Args:
        files: SodaCL files, each with the time of its last change.

    Returns:
        None where that is impossible: a file has an error, which the scan reports that reads it again, or
        a heading that depends on a variable.
    """
    reader = _soda().Scan()
    reader.disable_telemetry()
    reader.set_data_source_name(DATA_SOURCE)
    for file, _ in files:
        reader.add_sodacl_yaml_file(str(file))
    return None if reader.has_error_or_warning_logs() else reader


def _prepare(soda_scan: Scan, prepared: str) -> None:
    """Open the connection, read-only and with parallel plans for queries that find few of many rows."""
    source = soda_scan._data_source_manager.get_data_source(DATA_SOURCE)
    if source is None:
        raise ScanBroken("Soda could not reach the warehouse")
    with source.connection.cursor() as cursor:
        if prepared:
            cursor.execute(prepared)
        cursor.execute("set default_transaction_read_only = on")
        # The planner expects a check to return most rows, and so sees no gain in two workers.
        cursor.execute("set parallel_tuple_cost = 0.01")
        cursor.execute("set application_name = 'claimhouse checks'")
    source.connection.commit()


def _lend(soda_scan: Scan, connection: LentConnection) -> None:
    """Give Soda a connection, so that it opens none."""
    manager = soda_scan._data_source_manager
    properties = manager.data_source_properties_by_name[DATA_SOURCE]
    source = _soda().DataSource.create(soda_scan._logs, DATA_SOURCE, properties["type"], properties)
    source.connection = connection
    manager.data_sources[DATA_SOURCE] = source


def configuration(address: str, schema: str) -> str:
    """Soda's data source for the warehouse at *address*, as text that is never written to disk."""
    parts = conninfo_to_dict(address)
    properties = {
        "type": "postgres",
        "host": str(parts.get("host") or os.environ.get("PGHOST") or "localhost"),
        "port": str(parts.get("port") or os.environ.get("PGPORT") or "5432"),
        "username": parts.get("user") or os.environ.get("PGUSER"),
        "password": parts.get("password") or "",
        "database": parts.get("dbname"),
        "sslmode": parts.get("sslmode", "prefer"),
        "schema": schema,
    }
    # JSON is YAML, and \u0024 a dollar sign: Soda renders the text as a template, in which a
    # password's ${ must not start a variable.
    return json.dumps({f"data_source {DATA_SOURCE}": properties}).replace("$", "\\u0024")


def _certificates(address: str) -> dict[str, str]:
    """The files of TLS in *address* as libpq's variables: Soda hands on the mode alone."""
    parts = conninfo_to_dict(address)
    names = ("sslrootcert", "sslcert", "sslkey")
    return {f"PG{name.upper()}": str(parts[name]) for name in names if parts.get(name)}


def _refuse_errors(soda_scan: Scan) -> None:
    """Raise for SodaCL that Soda would only log and skip."""
    if soda_scan.has_error_or_warning_logs():
        raise ScanBroken("; ".join(_sentence(log) for log in soda_scan.get_error_or_warning_logs()))


def _sentence(log: Any) -> str:
    if log.message.startswith(NO_MAPPING):
        file = log.message.removeprefix(NO_MAPPING[0]).removeprefix(NO_MAPPING[1]).strip()
        where = f"{file}: " if file else ""
        return (
            f"{where}must be a mapping, such as `checks for claims [batch]:` and a list of checks"
        )
    place = f" ({log.location})" if log.location else ""
    return f"{log.message}{place}"


def _unknown_variable(message: str, files: Sequence[Path], known: Mapping[str, str]) -> str:
    """Which file names a variable that there is not; the message of Soda has the query and no file."""
    found = re.search("'([^']*)' is undefined", message)
    if found is None:
        return message
    named = f"${{{found[1]}}}"
    where = [str(file) for file in files if named in file.read_text(encoding="utf-8")]
    there_are = ", ".join(f"${{{name}}}" for name in known)
    return f"{', '.join(where) or 'a check'}: there is no variable {named}; there are {there_are}"


def _measured(check: Any, sampler: Any, failed: Sequence[Any]) -> Measured:
    options = check.check_cfg.source_configurations or {}
    value = getattr(check, "check_value", None)
    examples, row_count = sampler.kept.get(check.name, ([], None))
    formula = getattr(check, "formula_values", None) or {}
    return Measured(
        name=check.name,
        table=check.partition.table.table_name if check.partition else "",
        definition=_definition(check),
        severity=ERROR if _can_fail(check.check_cfg) else WARNING,
        outcome=check.outcome.value if check.outcome else "error",
        value=None if value is None else float(value),
        failing_rows=row_count if row_count is not None else formula.get("missing_count"),
        attributes=dict(options.get("attributes", {})),
        examples=examples,
        problem=_problem(check, failed),
    )


def _definition(check: Any) -> str:
    """The text of the check. Soda takes 2 ms to write it, and the batches of a feed have the same checks."""
    cfg = check.check_cfg
    key = json.dumps(
        [str(cfg.location), cfg.source_header, cfg.source_line, cfg.source_configurations],
        default=str,
    )
    if key not in _definitions:
        if len(_definitions) >= MOST_DEFINITIONS:
            _definitions.clear()
        _definitions[key] = check.create_definition().strip()
    return _definitions[key]


def _problem(check: Any, failed: Sequence[Any]) -> str:
    """What the database said of the queries of *check*, of which one query may serve several.

    The messages of data exceptions (SQLSTATE class 22) quote values, and are left out.
    """
    metrics = set(check.metrics.values())
    for query in failed:
        serves = {getattr(query, "metric", None), *getattr(query, "metrics", ())}
        if metrics & serves:
            code = getattr(query.exception, "pgcode", None) or type(query.exception).__name__
            message = getattr(getattr(query.exception, "diag", None), "message_primary", None)
            return f"error {code}" if code.startswith("22") or not message else str(message)
    return ""


def _can_fail(cfg: Any) -> bool:
    """Whether the check can fail: one without thresholds fails on the first failing row."""
    warns = getattr(cfg, "warn_threshold_cfg", None)
    return getattr(cfg, "fail_threshold_cfg", None) is not None or warns is None


@functools.cache
def _soda() -> SimpleNamespace:
    """Soda's classes, imported so that it touches neither home folder, network nor environment."""
    logging.getLogger("soda").setLevel(logging.CRITICAL + 1)
    # Soda reads its configuration when it is imported.
    with _environment_kept(PYTHON_DOTENV_DISABLED="1"):
        from soda.common.config_helper import ConfigHelper

        ConfigHelper.get_instance(str(settings.INCLUDE / "soda" / "configuration.yml"))
        from soda.common.env_helper import EnvHelper
        from soda.common.jinja import Jinja
        from soda.common.logs import Logs
        from soda.execution.data_source import DataSource
        from soda.sampler.sample_ref import SampleRef
        from soda.sampler.sampler import Sampler
        from soda.scan import Scan

        EnvHelper(Logs())
    Jinja.environment = TEMPLATES

    class Keeper(Sampler):  # type: ignore[misc]
        """Keeps some failing rows of each check in memory; Soda itself stores none."""

        def __init__(self) -> None:
            self.kept: dict[str, tuple[list[dict[str, Any]], int | None]] = {}

        def store_sample(self, sample_context: Any) -> Any:
            sample = sample_context.sample
            names = [column.name for column in sample.get_schema().columns]
            rows = [dict(zip(names, row, strict=True)) for row in sample.get_rows()[:MOST_EXAMPLES]]
            counts = [row.pop(COUNT_COLUMN) for row in rows if COUNT_COLUMN in row]
            row_count = int(counts[0]) if counts else None
            self.kept[sample_context.check_name] = (rows, row_count)
            total = sample.get_rows_count() if row_count is None else row_count
            return SampleRef(
                name=sample_context.sample_name,
                schema=sample.get_schema(),
                total_row_count=total,
                stored_row_count=len(rows),
                type=SampleRef.TYPE_NOT_PERSISTED,
            )

    return SimpleNamespace(Scan=Scan, Keeper=Keeper, DataSource=DataSource)


@contextmanager
def _environment_kept(**extra: str) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(extra)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
