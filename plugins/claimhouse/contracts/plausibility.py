"""The kinds of columns and the rules of what is plausible in them: ``include/plausibility.yaml``.

A kind says what a column holds. It follows from the column's name, type and the like, unless the
contract states it. :mod:`claimhouse.checks.plausibility` makes checks of the rules.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field
from typing import Any

from claimhouse import settings, strict_yaml
from claimhouse.contracts.cursor import Properties
from claimhouse.contracts.model import Column

FILE = settings.INCLUDE / "plausibility.yaml"
SCHEMA = settings.INCLUDE / "plausibility_schema.yaml"
# In a contract: the column is of no kind, whatever its name.
NO_KIND = "none"


@dataclass(frozen=True)
class Kind:
    """What a column can hold, and how such a column is recognized.

    Attributes:
        meaning: what it holds.
        types: its types, see :class:`Column`.
        names: regular expressions, of which its whole name fits one.
        classifications: what it reveals; empty for any.
        patterns: the pattern of its contract; empty for any, or none.
        is_amount: whether only amounts are of this kind.
    """

    name: str
    meaning: str
    types: frozenset[str]
    names: tuple[re.Pattern[str], ...]
    classifications: frozenset[str]
    patterns: frozenset[str]
    is_amount: bool

    def fits(self, column: Column) -> bool:
        """Whether *column* looks like it."""
        return (
            column.type in self.types
            and (not self.classifications or column.classification in self.classifications)
            and (not self.patterns or column.pattern in self.patterns)
            and (column.is_amount or not self.is_amount)
            and any(name.fullmatch(column.name) for name in self.names)
        )


@dataclass(frozen=True)
class Rule:
    """What is implausible in the columns of some kinds, or in a feed as a whole.

    Attributes:
        meaning: what it looks for.
        kinds: the kinds that it concerns; empty for a rule of the feed as a whole.
        needs: other columns that its SQL names, each the first of some kinds.
        may_need: the same, NULL where the feed has none.
        same: the kinds whose columns the SQL of a feed's rule gets as a list.
        is_of_states: whether it is not for feeds whose rows are transactions.
        sql: its macros or files, see ``include/plausibility.yaml``.
        warn: the numbers at which a rule of the feed warns, such as ``< 50``.
        message: the end of its sentence; all of it for a rule of the feed.
    """

    name: str
    meaning: str
    message: str
    sql: dict[str, str]
    kinds: tuple[str, ...] = ()
    needs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    may_need: dict[str, tuple[str, ...]] = field(default_factory=dict)
    same: tuple[str, ...] = ()
    is_of_states: bool = False
    warn: str = "> 0"


@functools.cache
def kinds() -> dict[str, Kind]:
    """The kinds, by name, in the order in which a column is compared with them."""
    return {
        name: Kind(
            name=name,
            meaning=stated["meaning"],
            types=frozenset(stated["types"]),
            names=tuple(map(re.compile, stated["names"])),
            classifications=frozenset(stated.get("classifications", ())),
            patterns=frozenset(stated.get("patterns", ())),
            is_amount="tags" in stated,
        )
        for name, stated in _content()["kinds"].items()
    }


@functools.cache
def rules() -> dict[str, Rule]:
    """The rules, by name.

    Raises:
        claimhouse.strict_yaml.YamlError: the file cannot be used.
    """
    document = strict_yaml.read(FILE, SCHEMA)
    known = kinds()
    found = {}
    for name, stated in document.data["rules"].items():
        rule = Rule(
            name=name,
            meaning=stated["meaning"],
            message=stated["message"],
            sql=stated["sql"],
            kinds=tuple(stated.get("of", ())),
            needs={key: tuple(of) for key, of in stated.get("needs", {}).items()},
            may_need={key: tuple(of) for key, of in stated.get("may_need", {}).items()},
            same=tuple(stated.get("same", ())),
            is_of_states="rows" in stated,
            warn=stated.get("warn", "> 0"),
        )
        others = [*rule.needs.values(), *rule.may_need.values()]
        for kind in (*rule.kinds, *rule.same, *(kind for of in others for kind in of)):
            if kind not in known:
                raise document.error(["rules", name], f"there is no kind '{kind}'")
        found[name] = rule
    return found


@functools.cache
def _content() -> Any:
    return strict_yaml.read(FILE, SCHEMA).data


def kind_of(column: Column) -> str:
    """The first kind that *column* looks like; empty for none."""
    return next((name for name, kind in kinds().items() if kind.fits(column)), "")


def stated_kind(custom: Properties, column: Column) -> str:
    """The kind of *column*, as its contract states it, or as it looks.

    Raises:
        claimhouse.strict_yaml.YamlError: there is no such kind, or it is for other types.
    """
    name = custom.get("kind")
    if name is None:
        return kind_of(column)
    if name == NO_KIND:
        return ""
    if name not in kinds():
        known = ", ".join([*kinds(), NO_KIND])
        raise custom.error("kind", f"'{name}' is not known; known: {known}")
    if column.type not in kinds()[name].types:
        types = " or ".join(sorted(kinds()[name].types))
        raise custom.error("kind", f"{name} is for columns of type {types}")
    return str(name)


def unchecked(custom: Properties, kind: str | None = None) -> dict[str, str]:
    """The rules that are turned off, and why.

    Args:
        custom: the properties of a feed or column.
        kind: the kind of the column; None for a feed.

    Raises:
        claimhouse.strict_yaml.YamlError: there is no such rule, or it does not concern the column.
    """
    stated: dict[str, str] = custom.get("unchecked", {})
    for name in stated:
        if name not in rules():
            known = ", ".join(rules())
            raise custom.error("unchecked", f"'{name}' is no rule; known: {known}")
        if kind is not None and kind not in rules()[name].kinds:
            what = f"which is of the kind {kind}" if kind else "which is of no kind"
            raise custom.error("unchecked", f"'{name}' does not concern the column, {what}")
    return dict(stated)
