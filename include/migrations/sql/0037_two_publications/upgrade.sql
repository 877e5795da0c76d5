-- Two publications of different source systems at the same time. Rows that all source systems share are held by each of
-- them: so there are two locks for these rows, a publication takes one, and who writes them waits for both.
create function change.keys(source text) returns table (key bigint)
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
    select hashtextextended('change/' || source, 0)
    union all
    select hashtextextended('change/claimhouse/2', 0)
    where source = 'claimhouse'
$$;
comment on function change.keys(text) is
'The advisory locks that who writes rows of a source system shares until its transaction ends; there are two of the rows
that all source systems share ("claimhouse")';
revoke all on function change.keys(text) from public;

create or replace function change.record() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set debug_print_plan = off
set debug_print_parse = off
set debug_print_rewritten = off
as $$
declare
    images constant regclass := to_regclass(format('change.%I', tg_table_name));
    has_source constant boolean := exists (
        select from pg_attribute as a
        where a.attrelid = tg_relid and a.attname = 'source_system' and not a.attisdropped
    );
    source_of_row constant text := case when has_source then 'source_system' else '''claimhouse''::text' end;
    written text[];
    captured text[];
    source text;
    key_column text;
    keys text;
    others text;
    rows_written text;
    old_values text;
    existed text;
    is_changed text := 'true';
begin
    if tg_op = 'TRUNCATE' then
        written := array(select s.source_system from change.captured_source as s) || '{claimhouse}';
    else
        execute format(
            'select array(select r.source from (%s) as r (source) group by r.source order by r.source)',
            case tg_op
                when 'INSERT' then format('select %s from new_rows', source_of_row)
                when 'DELETE' then format('select %s from old_rows', source_of_row)
                else format('select %1$s from old_rows union all select %1$s from new_rows', source_of_row)
            end
        ) into written;
    end if;
    -- Held until this transaction ends: a publication that holds the source system waits for it, and sees it whole.
    foreach source in array written loop
        perform pg_advisory_xact_lock_shared(k.key)
        from change.keys(source) as k;
    end loop;

    if tg_op = 'TRUNCATE' or images is null or has_source and 'claimhouse' = any(written) then
        insert into change.rebuilt (source_system, relation)
        select s.source_system, tg_table_name
        from change.captured_source as s
        where s.source_system = any(written) or 'claimhouse' = any(written)
        on conflict do nothing;
    end if;
    captured := array(
        select s.source_system
        from change.captured_source as s
        where
            (s.source_system = any(written) or not has_source and written <> '{}')
            and not exists (
                select from change.rebuilt as r
                where r.source_system = s.source_system and r.relation = tg_table_name
            )
    );
    if captured = '{}' then
        return null;
    end if;

    -- The columns that both tables have; the source system is named for itself.
    select
        min(quote_ident(a.attname)) filter (where a.attnum = any(k.conkey)),
        string_agg(', ' || quote_ident(a.attname), '') filter (where a.attnum = any(k.conkey)),
        string_agg(', ' || quote_ident(a.attname), '') filter (where a.attnum <> all(k.conkey)),
        string_agg(', o.' || quote_ident(a.attname), '') filter (where a.attnum <> all(k.conkey))
    into key_column, keys, others, old_values
    from pg_attribute as a
    inner join pg_constraint as k on a.attrelid = k.conrelid and k.contype = 'p'
    inner join pg_attribute as c on a.attname = c.attname and c.attrelid = tg_relid and not c.attisdropped
    where a.attrelid = images and a.attnum > 0 and not a.attisdropped and a.attname <> 'source_system';

    if tg_op = 'INSERT' then
        rows_written := 'new_rows';
        others := '';
        old_values := '';
        existed := 'false';
    elsif tg_op = 'DELETE' then
        rows_written := 'old_rows as o';
        existed := 'true';
    else
        -- whatever the statement did to a key
        rows_written := format(
            'old_rows as o full join new_rows as n using (%s)',
            case when has_source then 'source_system' || keys else substr(keys, 3) end
        );
        existed := format('o.%s is not null', key_column);
        is_changed := format('(o.%1$s is null or n.%1$s is null or o *<> n)', key_column);
    end if;
    if not has_source then
        rows_written := rows_written || ' cross join unnest($1) as s (source_system)';
    end if;
    -- Of several images the first is the one that was published.
    execute format(
        'insert into %1$s (source_system%2$s%3$s, existed) select source_system%2$s%4$s, %5$s from %6$s'
        ' where source_system = any($1) and %7$s on conflict do nothing',
        images, keys, others, old_values, existed, rows_written, is_changed
    ) using captured;
    return null;
end
$$;

create or replace function change.hold(source text) returns boolean
language sql
set search_path = pg_catalog, pg_temp
as $$
    select
        pg_try_advisory_lock(hashtextextended('change/' || source, 0))
        and (
            pg_try_advisory_lock(hashtextextended('change/claimhouse', 0))
            or pg_try_advisory_lock(hashtextextended('change/claimhouse/2', 0))
            or not pg_advisory_unlock(hashtextextended('change/' || source, 0))
        )
$$;
comment on function change.hold(text) is
'Keep everybody from writing the star of a source system until change.release, or until the session ends; false while
somebody does, or while two others are held. A publication holds its source system before it begins its transaction';

create or replace function change.release(source text) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
    -- Counted, since a function ends with the first row of its last statement.
    select count(pg_advisory_unlock(held.key))
    from (
        select (k.classid::bigint << 32) | k.objid::bigint as key
        from pg_locks as k
        inner join pg_database as d on k.database = d.oid
        where
            k.pid = pg_backend_pid() and d.datname = current_database()
            and k.locktype = 'advisory' and k.objsubid = 1 and k.mode = 'ExclusiveLock' and k.granted
        offset 0
    ) as held
    where held.key in (
        hashtextextended('change/' || source, 0),
        hashtextextended('change/claimhouse', 0),
        hashtextextended('change/claimhouse/2', 0)
    )
$$;
