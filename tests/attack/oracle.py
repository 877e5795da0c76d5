"""Everything that a reader is told: the same statements, asked before and after others' rows change."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

import psycopg
from tests.attack import statements as attacks
from tests.attack.world import AttackedWorld, Reader

Answers = dict[str, str]

# Of a moment, and not of anybody's rows: the number of a process or a transaction, what the cache of the server
# holds, and which process of a parallel plan came first.
OF_THE_MOMENT = (
    (re.compile(r"xid/subid/cid: \S+"), "xid"),
    (re.compile(r"\b(snapshot id|process|PID|pid) \S+"), "pid"),
    (re.compile(r"(?m)^Planning:\n( +Buffers: .*\n?)?"), "Planning:\n"),
    (re.compile(r"(?m)^ *Worker \d+: .*\n( +Buffers: .*\n)?"), ""),
    (re.compile(r"\bBuffers: .*"), lambda line: pages(line.group())),
)
# Statements whose answers may have the number of the own process. Elsewhere the same number is an object's.
OF_PROCESSES = re.compile(
    r"pid|process|backend|pg_locks|pg_stat_(activity|get|ssl|gssapi|progress)"
)


def pages(line: str) -> str:
    """How many pages a plan read, wherever they were."""
    read = sum(int(number) for number in re.findall(r"(?:hit|read)=(\d+)", line))
    return f"Buffers: {read}"


def asked(
    views: dict[str, dict[str, str]], is_whole: bool, has_deeds: bool = True
) -> Iterator[tuple[str, ...]]:
    """The statements for a reader of *views*, each a sequence that one session runs."""
    for text in (*attacks.CATALOGS, *attacks.HOW_MANY, *attacks.DEEDS) if has_deeds else ():
        yield (text,)
    plans = attacks.PLANS if is_whole else attacks.PLANS[1:]
    for view, columns in views.items():
        of_a_view = attacks.OF_A_VIEW + (attacks.OF_A_VIEW_WHOLE if is_whole else ())
        for text in of_a_view:
            yield from _with_plans(text.format(view=view), plans)
        for text in attacks.COPIES:
            yield (text.format(view=view),)
        for sequence in attacks.SEQUENCES:
            yield tuple(text.replace("{view}", view) for text in sequence)
        for column in columns if is_whole else list(columns)[:4]:
            for text in attacks.OF_A_COLUMN + (attacks.OF_A_COLUMN_WHOLE if is_whole else ()):
                is_basic = is_whole and "{others}" in text and text in attacks.OF_A_COLUMN
                for others in attacks.VALUES if is_basic else attacks.VALUES[:1]:
                    named = text.format(view=view, column=f'"{column}"', others=others)
                    yield from _with_plans(named, attacks.PLANS[1:])
    names = list(views)
    for first, second in itertools.pairwise(names):
        joined = f"select count(*) from reporting.{first} as a, reporting.{second} as b"
        yield from _with_plans(joined, plans)


def _with_plans(text: str, plans: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    yield (text,)
    if text.startswith(("select", "table", "with")):
        for plan in plans:
            yield (plan.format(statement=text),)


def ask(world: AttackedWorld, reader: Reader, is_whole: bool = False) -> Answers:
    """What *reader* is told, by statement: rows in their order, plans, notices and errors."""
    told: Answers = {}
    with world.session(reader) as session:
        notices: list[str] = []
        session.add_notice_handler(
            lambda notice: notices.append(f"{notice.severity}: {notice.message_primary} {notice.message_detail}")
        )  # fmt: skip
        views = world.views(session)
        # A session that takes a role is a trusted one, which runs no statement of a reader.
        for sequence in asked(views, is_whole, has_deeds=not reader.is_taken):
            parts = []
            for text in sequence:
                notices.clear()
                answer = _answer(session, text)
                parts.append("\n".join([f"-- {text}", answer, *notices]))
            session.rollback()
            text = _lasting("\n".join(parts))
            if OF_PROCESSES.search("; ".join(sequence)):
                text = re.sub(rf"(?<![\d.]){session.info.backend_pid}(?!\d)", "pid", text)
            # Publication writes its own rows of the catalogs anew: their order tells of no rows.
            is_catalog = sequence[0] in attacks.CATALOGS + attacks.HOW_MANY
            told["; ".join(sequence)] = "\n".join(sorted(text.split("\n"))) if is_catalog else text
            if session.broken:
                raise AssertionError(f"{reader.name}: {sequence} ended the session")
            session.execute("rollback")
            session.execute("reset client_min_messages")
    return told


def _answer(session: psycopg.Connection[Any], text: str) -> str:
    try:
        with session.cursor() as cursor:
            if text.startswith("copy"):
                with cursor.copy(text.encode()) as copied:
                    return "\n".join(bytes(block).decode() for block in copied)
            cursor.execute(text.encode())
            if cursor.description is None:
                return str(cursor.statusmessage)
            return "\n".join("\t".join(map(str, row)) for row in cursor.fetchall())
    except psycopg.Error as error:
        told = error.diag
        return f"{told.sqlstate} {told.message_primary} {told.message_detail} {told.message_hint} {told.context}"


def _lasting(text: str) -> str:
    if "_to_xml(" in text:  # it plans the query in it while it runs
        text = re.sub(r"Buffers: .*", "Buffers", text)
    for pattern, replacement in OF_THE_MOMENT:
        text = pattern.sub(replacement, text)
    return text


def differences(before: Answers, after: Answers) -> dict[str, tuple[str, str]]:
    """What a reader is told otherwise now, by statement."""
    return {
        text: (before.get(text, ""), after.get(text, ""))
        for text in before.keys() | after.keys()
        if before.get(text) != after.get(text)
    }
