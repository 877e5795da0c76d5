"""The checks of a batch that its feed's contract implies, as SodaCL.

Nothing is lost between verification and the source table, keys occur once, references are known
and the file is fresh.
"""

from __future__ import annotations

from typing import Any

from claimhouse import contracts, warehouse
from claimhouse.checks.outcomes import Batch
from claimhouse.contracts import Contract, Reference

# Of more rows, looking each up takes longer than reading all that they refer to.
MOST_LOOK_UPS = 100_000


def from_contract(contract: Contract, batch: Batch) -> dict[str, Any]:
    """The checks of *batch* that *contract* implies."""
    # several transactions of one record are as it should be
    checks = [] if contract.rows_are_transactions else [_keys_occur_once(contract, batch)]
    checks += [_is_known(contract, batch, reference) for reference in contract.references]
    # Soda measures these in one scan of the rows
    measured = _nothing_lost(contract, batch)
    if contract.version_column and contract.freshness_days is not None:
        measured.append(_is_fresh(batch, contract.version_column, contract.freshness_days))
    return {
        f"filter {contract.feed} [batch]": {"where": f"batch_id = {batch.batch_id}"},
        f"checks for {contract.feed} [batch]": measured,
        "checks": checks,
    }


def _nothing_lost(contract: Contract, batch: Batch) -> list[dict[str, Any]]:
    """Rows and amounts in the source table are those that verification accepted."""
    message = (
        "The source table holds {value} {value:row|rows} of the batch; "
        "{rows_accepted} {rows_accepted:was|were} accepted"
    )
    fail = {"fail": f"when != {batch.rows_accepted}"}
    checks = [_check("row_count", "rows_reconcile", message, fail)]
    for column in contract.amounts if batch.rows_accepted else ():
        accepted = batch.amounts.get(column.name, {}).get("accepted")
        if accepted is None:
            continue
        message = f"{column.name} adds up to {{value}} in the source table; {accepted} was accepted"
        # a column without any value adds up to NULL, which Soda can compare with nothing
        total = f"{column.name}_total"
        options = {
            f"{total} expression": f"coalesce(sum({column.name}), 0)",
            "fail": f"when != {accepted}",
        }
        checks.append(_check(total, f"{column.name}_reconciles", message, options))
    return checks


def _keys_occur_once(contract: Contract, batch: Batch) -> dict[str, Any]:
    message = (
        "{failing_rows} {failing_rows:key occurs|keys occur} more than once in "
        "{rows_accepted} accepted {rows_accepted:row|rows}"
    )
    query = {"fail query": _query("repeated_keys", contract, batch)}
    return _check("failed rows", "keys_occur_once", message, query)


def _is_known(contract: Contract, batch: Batch, reference: Reference) -> dict[str, Any]:
    message = (
        "{failing_rows} of {rows_accepted} accepted {rows_accepted:row|rows} ({share}%) "
        f"{{failing_rows:has|have}} a {reference.column} that is not in {reference.to_feed}"
    )
    query = _query(
        "unknown_references",
        contract,
        batch,
        column=reference.column,
        to_feed=reference.to_feed,
        to_column=reference.to_column,
        by_look_up=batch.rows_accepted <= MOST_LOOK_UPS and _is_indexed(contract, reference),
    )
    options = {"fail query": query, "warn": "when > 0"}
    return _check("failed rows", f"{reference.column}_is_known", message, options)


def _is_indexed(contract: Contract, reference: Reference) -> bool:
    """Whether an index leads to a record that *reference* names."""
    to_feed = contracts.of(contract.source_system, reference.to_feed)
    return to_feed.has_key_index and to_feed.key[0] == reference.to_column


def _is_fresh(batch: Batch, column: str, days: int) -> dict[str, Any]:
    message = (
        f"The newest {column} is {{value}} {{value:day|days}} older than the file; "
        f"the contract allows {days}"
    )
    age = f"coalesce(date '{batch.received_date}' - max({column})::date, 0)"
    options = {"days_old expression": age, "warn": f"when > {days}"}
    return _check("days_old", "freshness", message, options)


def _query(file: str, contract: Contract, batch: Batch, **names: Any) -> str:
    return warehouse.sql(
        f"checks/{file}",
        source=contract.source_system,
        feed=contract.feed,
        batch_id=batch.batch_id,
        key=", ".join(f"t.{column}" for column in contract.key),
        **names,
    )


def _check(metric: str, name: str, message: str, options: dict[str, str]) -> dict[str, Any]:
    """One SodaCL check: its *metric*, and what stands below it."""
    return {metric: {"name": name, **options, "attributes": {"message": message}}}
