"""Which names feeds and columns can have: they are names in SQL, written as they are."""

from __future__ import annotations

import re

IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]*")
# What Postgres cuts names to, in bytes.
LONGEST = 63
# Columns that every table of Postgres has.
SYSTEM_COLUMNS = ("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid")
# Columns that every source table has besides those of its feed.
SOURCE_TABLE_COLUMNS = ("batch_id", "row_number")
# The words of SQL that Postgres takes for no name of a column (pg_get_keywords, categories R and T).
_WORDS = """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
    collation column concurrently constraint create cross current_catalog current_date current_role
    current_schema current_time current_timestamp current_user default deferrable desc distinct do else end
    except false fetch for foreign freeze from full grant group having ilike in initially inner intersect
    into is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null
    offset on only or order outer overlaps placing primary references returning right select session_user
    similar some symmetric system_user table tablesample then to trailing true union unique user using
    variadic verbose when where window with
"""
RESERVED = frozenset(_WORDS.split())


def fault(name: str) -> str:
    """Why *name* cannot be that of a feed or a column, as the end of a sentence about it; empty where it can."""
    if not IDENTIFIER.fullmatch(name):
        return "is no name: it has lower-case letters, digits and _, and no digit first"
    if len(name) > LONGEST:
        return f"is no name: it is longer than {LONGEST} letters"
    if name in RESERVED:
        return "is a word of SQL and no name"
    return ""


def column_fault(name: str) -> str:
    """Why *name* is no name of a column; see :func:`fault`."""
    if name in (*SOURCE_TABLE_COLUMNS, *SYSTEM_COLUMNS):
        return "is a column that every source table has"
    if name.endswith("__"):
        return "is no name: statements of our own use names that end in __"
    return fault(name)
