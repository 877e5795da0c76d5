"""Audiences: the logins who may see the same rows share one.

An audience follows from privacy level, entitlements, the metrics it reads and, where rows differ
between clients, the client. Its number is random: it is in the bounds of partitions, which every login can read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from psycopg import Connection

from claimhouse import warehouse
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


def write(connection: Connection[Any], audiences: Mapping[str, Audience]) -> list[Audience]:
    """Number the audiences, and assign each login its own. What others had is deleted.

    Returns:
        Each audience once, with its number and with the reports of all its logins.
    """
    shared: dict[str, Audience] = {}
    for audience in audiences.values():
        known = shared.get(audience.rule, audience)
        shared[audience.rule] = replace(audience, reports=known.reports | audience.reports)
    rows = warehouse.query(connection, "reporting/audiences/write", list(shared))
    numbers = {row["rule"]: row["audience"] for row in rows}
    logins = {role: numbers[audience.rule] for role, audience in audiences.items()}
    warehouse.query(connection, "reporting/audiences/logins", json.dumps(logins))
    return [replace(audience, number=numbers[rule]) for rule, audience in shared.items()]
