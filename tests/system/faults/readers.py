"""Readers who poll what they may read while a day is disturbed."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import psycopg
from psycopg import errors, sql
from tests.system.faults.world import World

# What tells whose a row is. A reader sees no value of these but those it may see undisturbed.
TELLING = {
    "patient_pseudonym", "claim_pseudonym", "provider_pseudonym", "patient_id", "claim_id",
    "encounter_id", "provider_specialty", "specialty", "payer", "payer_name", "source_system",
}  # fmt: skip
MAY_READ = """
    select l.login, r.rolname, c.relname, r.rolcanlogin, array_agg(a.attname::text order by a.attnum)
    from pg_class as c
    inner join pg_namespace as n on n.oid = c.relnamespace and n.nspname = 'reporting'
    inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    cross join security.login as l
    inner join pg_roles as r on l.role_name = r.rolname
    where c.relkind = 'v' and has_table_privilege(r.oid, c.oid, 'select')
    group by 1, 2, 3, 4 order by 1, 3
"""
# The server was killed, or does not take connections again yet.
GONE = (psycopg.OperationalError, errors.AdminShutdown, errors.CrashShutdown)


@dataclass(frozen=True)
class View:
    """A view that a reader may read, and its telling columns."""

    login: str
    role: str
    name: str
    can_login: bool
    telling: tuple[str, ...]


Seen = dict[tuple[str, str, str], set[Any]]


def views(connection: psycopg.Connection[Any]) -> list[View]:
    """Every view of every reader."""
    rows = connection.execute(MAY_READ).fetchall()
    return [
        View(login, role, name, can_login, tuple(column for column in columns if column in TELLING))
        for login, role, name, can_login, columns in rows
    ]


def values(connection: psycopg.Connection[Any], view: View) -> Seen:
    """The values of each telling column of *view*, as its reader sees them."""
    columns = sql.SQL(", ").join(map(sql.Identifier, view.telling)) or sql.SQL("count(*)")
    query = sql.SQL("select {} from {}").format(columns, sql.Identifier("reporting", view.name))
    rows = connection.execute(query).fetchall()
    return {
        (view.login, view.name, column): {row[number] for row in rows}
        for number, column in enumerate(view.telling)
    }


@contextmanager
def acting_as(world: World, view: View) -> Iterator[psycopg.Connection[Any]]:
    """A session of the reader of *view*: logged in where the role may, else acting as it."""
    address = world.url_as(view.role) if view.can_login else world.url
    with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
        if not view.can_login:
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(view.role)))
        yield connection


def all_values(world: World) -> Seen:
    """What each reader sees of each view."""
    with psycopg.connect(world.url, autocommit=True) as connection:
        known = views(connection)
    seen: Seen = {}
    for view in known:
        with acting_as(world, view) as connection:
            seen |= values(connection, view)
    return seen


@dataclass
class Readers:
    """A thread that reads, view after view, in random order.

    Attributes:
        may_see: what each reader may see, before and after the day.
        pause: the seconds between two reads.
        reads: how many succeeded.
        wrong: what a reader should not have met.
    """

    world: World
    may_see: Seen
    rng: random.Random
    pause: float = 0.05
    reads: int = 0
    wrong: list[str] = field(default_factory=list)

    def __enter__(self) -> Readers:
        with psycopg.connect(self.world.url, autocommit=True) as connection:
            self._views = views(connection)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._poll)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _poll(self) -> None:
        while not self._ended.wait(self.pause):
            view = self.rng.choice(self._views)
            with suppress(*GONE):
                try:
                    with acting_as(self.world, view) as connection:
                        seen = values(connection, view)
                except GONE:
                    raise
                except psycopg.Error as error:
                    self.wrong.append(f"{view.login} reads {view.name}: {error}")
                else:
                    self.reads += 1
                    self._compare(seen)

    def _compare(self, seen: Seen) -> None:
        for place, found in seen.items():
            strange = found - self.may_see.get(place, set())
            if strange:
                text = f"{place} shows {sorted(map(str, strange))[:3]}"
                self.wrong.append(text)
