"""The rows of a star and its source at a moment, to go back to: quicker than to load them again."""

from __future__ import annotations

from typing import Any

import psycopg

# What a load never writes, and long.
FIXED = "star.dim_date"
SAVE = rf"""
create schema saved;
create table saved.tables (name text, copy text, columns text, is_empty boolean);
create table saved.sequences as
select format('%I.%I', schemaname, sequencename) as name, last_value from pg_sequences;
do $$
declare t record; is_empty boolean;
begin
    for t in
        select
            format('%I.%I', n.nspname, c.relname) as name,
            format('saved.%I', n.nspname || '.' || c.relname) as copy,
            string_agg(format('%I', a.attname), ', ' order by a.attnum) as columns
        from pg_class as c
        inner join pg_namespace as n on n.oid = c.relnamespace
        inner join pg_attribute as a
            on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
        where c.relkind = 'r'
            and (n.nspname in ('landing', 'quality', 'star', 'change') or n.nspname like 'source\_%')
            and format('%I.%I', n.nspname, c.relname) <> '{FIXED}'
        group by n.nspname, c.relname
    loop
        execute format('create table %s as select %s from %s', t.copy, t.columns, t.name);
        execute format('select not exists (select from %s)', t.copy) into is_empty;
        insert into saved.tables values (t.name, t.copy, t.columns, is_empty);
    end loop;
end $$
"""
# Triggers and references do not act on rows that come back.
RESTORE = """
set session_replication_role = replica;
do $$
declare t record; is_filled boolean; filled text[] := '{}';
begin
    for t in select * from saved.tables loop
        execute format('select exists (select from %s)', t.name) into is_filled;
        if is_filled then
            filled := filled || t.name;
        end if;
    end loop;
    execute 'truncate ' || array_to_string(filled, ', ') || ' cascade';
    for t in select * from saved.tables where not is_empty loop
        execute format(
            'insert into %s (%s) overriding system value select %s from %s',
            t.name, t.columns, t.columns, t.copy
        );
    end loop;
    perform setval(name, coalesce(last_value, 1), last_value is not null) from saved.sequences;
end $$;
reset session_replication_role
"""


def save(connection: psycopg.Connection[Any]) -> None:
    """Keep the rows of landing, quality, source tables, star and its changes as they are now."""
    connection.execute(SAVE)  # type: ignore[arg-type]


def restore(connection: psycopg.Connection[Any]) -> None:
    """Give these tables the rows, and all sequences the numbers, of :func:`save`."""
    connection.execute(RESTORE)
