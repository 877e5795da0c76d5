-- What has changed in the star since the last publication of each source system: change.<table> has the rows of
-- star.<table> that changed, as they were then. Triggers record them, whoever writes the star.
create schema change;
comment on schema change is 'Rows of the star that changed since the last publication, as they were then';

create table change.captured_source (source_system text primary key);
comment on table change.captured_source is
'The source systems whose changes are recorded: those that have been published';

create table change.rebuilt (
    source_system text not null,
    relation text not null,
    at timestamptz not null default now(),
    primary key (source_system, relation)
);
comment on table change.rebuilt is
'Tables of the star of which any row may have changed since the source system was published; its rows are not recorded';

-- The trigger function of every table of the star. Members that all source systems share (the keys -1 and -2) are of
-- the source system "claimhouse", and so are the rows of a table without source systems.
create function change.record() returns trigger
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
        perform pg_advisory_xact_lock_shared(hashtextextended('change/' || source, 0));
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
comment on function change.record() is 'Record the rows that a statement changes in a table of the star';

create function change.key_of(relation regclass) returns text[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
    select coalesce(array_agg(quote_ident(a.attname) order by array_position(k.conkey, a.attnum)), '{}')
    from pg_constraint as k
    inner join pg_attribute as a on k.conrelid = a.attrelid and a.attnum = any(k.conkey)
    where k.conrelid = relation and k.contype = 'p' and a.attname <> 'source_system'
$$;
comment on function change.key_of(regclass) is 'The columns of the primary key beside the source system, quoted';

create function change.capture(star_table regclass) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    name constant text := (select c.relname from pg_class as c where c.oid = star_table);
    images regclass := to_regclass(format('change.%I', name));
    has_source constant boolean := exists (
        select from pg_attribute as a
        where a.attrelid = star_table and a.attname = 'source_system' and not a.attisdropped
    );
    -- Empty while the first load of claims does without. Of the calendar, which belongs to all, no rows are recorded.
    star_key constant text[] := case when name = 'dim_date' then '{}' else change.key_of(star_table) end;
    place record;
begin
    -- A column has another type or is gone, or the key is another one: what was recorded cannot be compared.
    if images is not null and (
        star_key <> '{}' and star_key <> change.key_of(images)
        or exists (
            select a.attname, a.atttypid, a.atttypmod, a.attcollation
            from pg_attribute as a
            where
                a.attrelid = images and a.attnum > 0 and not a.attisdropped
                and a.attname <> 'existed' and (has_source or a.attname <> 'source_system')
            except
            select a.attname, a.atttypid, a.atttypmod, a.attcollation
            from pg_attribute as a
            where a.attrelid = star_table and not a.attisdropped
        )
    ) then
        execute format(
            'insert into change.rebuilt (source_system, relation) select distinct i.source_system, %L from %s as i'
            ' on conflict do nothing',
            name, images
        );
        execute format('drop table %s', images);
        images := null;
    end if;

    if images is null and star_key <> '{}' then
        execute format(
            'create table change.%1$I as select %2$st.*, true as existed from %3$s as t with no data',
            name, case when has_source then '' else 'null::text as source_system, ' end, star_table
        );
        images := format('change.%I', name);
        execute format(
            'alter table %1$s alter existed set not null, add primary key (%2$s, source_system)',
            images, array_to_string(star_key, ', ')
        );
        execute format('comment on table %s is %L', images, format('Rows of %s, as they were published', star_table));
    end if;

    -- A new column: the rows that were recorded before had what the star filled it with.
    for place in
        select
            quote_ident(a.attname) as name,
            format_type(a.atttypid, a.atttypmod) as type,
            (a.attmissingval::text::text[])[1] as filled
        from pg_attribute as a
        where
            a.attrelid = star_table and a.attnum > 0 and not a.attisdropped and images is not null
            and not exists (
                select from pg_attribute as i
                where i.attrelid = images and i.attname = a.attname and not i.attisdropped
            )
    loop
        execute format('alter table %s add column %s %s default %L', images, place.name, place.type, place.filled);
        execute format('alter table %s alter column %s drop default', images, place.name);
    end loop;

    for place in
        select
            'change_' || t.event as name,
            t.event,
            t.row_sets
        from (values
            ('insert', 'referencing new table as new_rows'),
            ('update', 'referencing old table as old_rows new table as new_rows'),
            ('delete', 'referencing old table as old_rows'),
            ('truncate', '')
        ) as t (event, row_sets)
        where not exists (
            select from pg_trigger as g where g.tgrelid = star_table and g.tgname = 'change_' || t.event
        )
    loop
        execute format(
            'create trigger %s after %s on %s %s for each statement execute function change.record()',
            place.name, place.event, star_table, place.row_sets
        );
    end loop;
end
$$;
comment on function change.capture(regclass) is
'Record the changes of a table of the star from now on. Repeated, it does what is left to do, and locks nothing else';

create function change.hold(source text) returns boolean
language sql
set search_path = pg_catalog, pg_temp
as $$
    select
        pg_try_advisory_lock(hashtextextended('change/' || source, 0))
        and (
            pg_try_advisory_lock(hashtextextended('change/claimhouse', 0))
            or not pg_advisory_unlock(hashtextextended('change/' || source, 0))
        )
$$;
comment on function change.hold(text) is
'Keep everybody from writing the star of a source system until change.release, or until the session ends; false while
somebody does. A publication holds its source system before it begins its transaction';

create function change.release(source text) returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
    select
        pg_advisory_unlock(hashtextextended('change/claimhouse', 0)),
        pg_advisory_unlock(hashtextextended('change/' || source, 0))
$$;
comment on function change.release(text) is 'End change.hold';

create function change.published(source text) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    images regclass;
begin
    for images in
        select a.attrelid
        from pg_attribute as a
        inner join pg_class as c on a.attrelid = c.oid
        where c.relnamespace = 'change'::regnamespace and c.relkind = 'r' and a.attname = 'existed'
    loop
        execute format('delete from %s where source_system = $1', images) using source;
    end loop;
    delete from change.rebuilt as r where r.source_system = source;
    insert into change.captured_source (source_system) values (source) on conflict do nothing;
end
$$;
comment on function change.published(text) is
'Forget what has changed in a source system, and record it from now on: part of the transaction that publishes it';

revoke all on all functions in schema change from public;

select change.capture(c.oid)
from pg_class as c
where
    c.relnamespace = 'star'::regnamespace and c.relkind in ('r', 'p')
    and (starts_with(c.relname, 'fact_') or starts_with(c.relname, 'bridge_') or starts_with(c.relname, 'dim_'));
