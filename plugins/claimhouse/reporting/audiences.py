"""Audiences: the logins who may see the same rows share one.

An audience follows from privacy level, entitlements, the metrics it reads and, where rows differ
between clients, the client. Its number is random: it is in the bounds of partitions, which every login can read.

An audience whose rule changes keeps its number and its editions, and goes on seeing what it saw until it is
published anew, but for the rows of a source system of which it may see less now: those are gone at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from psycopg import Connection

from claimhouse import privacy, warehouse
from claimhouse.reporting.metric_reports import Grains
from claimhouse.reporting.readers import Reader
from claimhouse.reporting.reports import Report


@dataclass(frozen=True)
class Audience:
    """Who may see the same rows.

    Attributes:
        client: whose pseudonyms and counts the rows have; None where no row differs between clients.
        entitlements: (source system, kind, values), in order.
        reports: the reports that are published for it, without those that read the star.
        number: its number in the warehouse; 0 before it has one.
        metrics: the metrics that it reads, each at its grains.
    """

    level: str
    client: str | None
    entitlements: tuple[tuple[str, str, tuple[str, ...]], ...]
    reports: frozenset[str] = frozenset()
    number: int = 0
    metrics: Grains = field(default_factory=dict)

    @cached_property
    def rule(self) -> str:
        """What tells audiences apart."""
        shared = [self.level, self.client, self.entitlements]
        return json.dumps([*shared, self.metrics] if self.metrics else shared)

    @classmethod
    def of_rule(cls, rule: str, number: int) -> Audience:
        """The audience that :attr:`rule` was written for, without its reports."""
        level, client, entitlements, *metrics = json.loads(rule)
        return cls(
            level=level,
            client=client,
            entitlements=tuple(
                (source, kind, tuple(values)) for source, kind, values in entitlements
            ),
            number=number,
            metrics={
                metric: tuple(map(tuple, grains))
                for of_metrics in metrics
                for metric, grains in of_metrics.items()
            },
        )

    def may_see(self, other: Audience, source: str) -> bool:
        """Whether it may see all that *other* sees of the source, but for metrics."""
        entitled = self.entitled.get(source, {})
        return (
            source in self.sources
            and privacy.LEVELS.index(other.level) <= privacy.LEVELS.index(self.level)
            and other.client in (None, self.client)
            and all(
                set(values) <= set(entitled.get(kind, ()))
                for kind, values in other.entitled.get(source, {}).items()
            )
        )

    def may_see_metrics(self, other: Audience) -> bool:
        """Whether it may see the metrics of *other*, each at its grains."""
        return all(
            set(grains) <= set(self.metrics.get(metric, ()))
            for metric, grains in other.metrics.items()
        )

    @property
    def sources(self) -> set[str]:
        """The source systems of which it may see rows."""
        return {source for source, _, _ in self.entitlements}

    @cached_property
    def entitled(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """The values that open rows to it, by source system and kind; without kinds that have none."""
        entitled: dict[str, dict[str, tuple[str, ...]]] = {}
        for source, kind, values in self.entitlements:
            entitled.setdefault(source, {})[kind] = values
        return entitled


@dataclass(frozen=True)
class Succession:
    """A new audience that has logins of an earlier one, and may have its number.

    Attributes:
        predecessor: the earlier one, without its reports.
    """

    audience: Audience
    predecessor: Audience

    @property
    def is_renamed(self) -> bool:
        """Whether the audience has the number of the earlier one, and with it its rows."""
        return self.audience.number == self.predecessor.number

    def keeps(self, report: Report, source: str) -> bool:
        """Whether the audience may go on seeing what the earlier one saw of the report and the source."""
        return self.audience.may_see(self.predecessor, source) and (
            not report.is_of_metrics or self.audience.may_see_metrics(self.predecessor)
        )

    def completes(self, report: Report, source: str) -> bool:
        """Whether the audience may see more of the report and the source than the earlier one saw."""
        return not self.predecessor.may_see(self.audience, source) or (
            report.is_of_metrics and not self.predecessor.may_see_metrics(self.audience)
        )


def of(readers: Iterable[Reader], reports: Mapping[str, Report]) -> dict[str, Audience]:
    """The audience of each login of *readers*, by its role."""
    audiences = {}
    for reader in readers:
        published = _published(reader.reports, reports)
        is_of_client = not reader.is_internal or any(
            reports[name].has_pseudonyms or reports[name].counts for name in published
        )
        for role in reader.roles:
            entitlements: dict[tuple[str, str], set[str]] = {}
            for entitlement in reader.entitlements_of(role):
                key = (entitlement.source_system, entitlement.kind)
                entitlements.setdefault(key, set()).update(entitlement.values)
            audiences[role] = Audience(
                level=reader.privacy_level,
                client=reader.name if is_of_client else None,
                entitlements=tuple(
                    (source, kind, tuple(sorted(values)))
                    for (source, kind), values in sorted(entitlements.items())
                    if values
                ),
                reports=published,
                metrics=reader.metrics,
            )
    return audiences


def _published(listed: Iterable[str], reports: Mapping[str, Report]) -> frozenset[str]:
    """The reports with published rows that *listed* reports show, directly or through others."""
    published: set[str] = set()
    for name in listed:
        report = reports[name]
        if report.select:
            published.add(name)
        published |= _published(report.reads, reports)
    return frozenset(published)


def write(
    connection: Connection[Any], audiences: Mapping[str, Audience]
) -> tuple[list[Audience], list[Succession]]:
    """Number the audiences, and assign each login its own.

    Args:
        connection: a connection of the warehouse's owner, in a transaction.
        audiences: the audience of each login, by its role.

    Returns:
        Each audience once, with its number and with the reports of all its logins; and from which
        audiences the new ones follow.
    """
    shared: dict[str, Audience] = {}
    for audience in audiences.values():
        known = shared.get(audience.rule, audience)
        shared[audience.rule] = replace(audience, reports=known.reports | audience.reports)
    before = _assigned(connection)
    predecessors = {
        audience.rule: before[role]
        for role, audience in audiences.items()
        if role in before and before[role].rule != audience.rule
    }
    numbers = _numbers(connection, shared, predecessors)
    logins = {role: numbers[audience.rule] for role, audience in audiences.items()}
    warehouse.query(connection, "reporting/audiences/logins", json.dumps(logins))
    numbered = {rule: replace(shared[rule], number=numbers[rule]) for rule in shared}
    is_new = numbers.keys() - {audience.rule for audience in before.values()}
    successions = [
        Succession(numbered[rule], predecessor)
        for rule, predecessor in predecessors.items()
        if rule in is_new
    ]
    # What others take over is copied before it may be deleted.
    successions.sort(key=lambda succession: succession.is_renamed)
    return list(numbered.values()), successions


def _assigned(connection: Connection[Any]) -> dict[str, Audience]:
    """The audience of each login, as it was assigned last."""
    rows = warehouse.query(connection, "reporting/audiences/assigned")
    return {row["login"]: Audience.of_rule(row["rule"], row["audience"]) for row in rows}


def _numbers(
    connection: Connection[Any], rules: Iterable[str], predecessors: Mapping[str, Audience]
) -> dict[str, int]:
    """The number of each rule. A new one has that of its predecessor, where nobody else keeps it."""
    known = {
        row["rule"]: row["audience"]
        for row in warehouse.query(connection, "reporting/audiences/all")
    }
    wanted: dict[str, int | None] = {rule: known.get(rule) for rule in rules}
    for rule, predecessor in predecessors.items():
        if wanted[rule] is None and predecessor.number not in wanted.values():
            wanted[rule] = predecessor.number
    rows = warehouse.query(connection, "reporting/audiences/write", json.dumps(wanted))
    return {row["rule"]: row["audience"] for row in rows}
