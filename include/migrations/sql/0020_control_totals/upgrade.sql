-- The control totals of reports: triggers move what is shown, whoever writes the tables of the schema published;
-- publication moves what the star has, and compares.
create table published.control_total (
    report text not null,
    audience integer not null,
    source_system text not null,
    part text not null,
    measure text not null,
    shown numeric not null,
    star numeric,
    primary key (report, audience, source_system, part, measure)
);
comment on table published.control_total is
'Grain: a sum over the rows of a report for an audience and a source system: as published, and of the star';
comment on column published.control_total.part is
'Which rows: those of one metric and its cuts; empty where the rows of the report add up';
comment on column published.control_total.star is 'Null until the first publication that compares it';

comment on column published.report.definition is
'What is added up of the rows of the report, as SQL: the part of a row, the condition, and the measures';

create function published.add_up() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set debug_print_plan = off
set debug_print_parse = off
set debug_print_rewritten = off
as $$
declare
    -- of a partition: the report; the number of its audience
    parent constant text := (
        select p.relname
        from pg_inherits as i
        inner join pg_class as p on i.inhparent = p.oid
        where i.inhrelid = tg_relid
    );
    report_name constant text := coalesce(parent, tg_table_name);
    definition jsonb;
    direction text;
    rows_written text;
begin
    if tg_op = 'TRUNCATE' then
        update published.control_total as t
        set shown = 0
        where
            t.report = report_name
            and (parent is null or t.audience = substr(tg_table_name, length(parent) + 2)::integer);
        return null;
    end if;

    select r.definition::jsonb into definition from published.report as r where r.report = report_name;
    if definition is null then
        return null;
    end if;
    for direction, rows_written in
        select
            s.direction,
            s.rows_written
        from (values ('-', 'old_rows', 'INSERT'), ('', 'new_rows', 'DELETE')) as s (direction, rows_written, without)
        where s.without <> tg_op
    loop
        execute format(
            'update published.control_total as t set shown = t.shown + m.value'
            ' from (select r.audience, r.source_system, %s as part, array[%s] as sums'
            ' from %I as r where %s group by 1, 2, 3) as s'
            ' cross join unnest($1, s.sums) as m (measure, value)'
            ' where t.report = $2 and t.audience = s.audience and t.source_system = s.source_system'
            ' and t.part = s.part and t.measure = m.measure and m.value <> 0',
            definition ->> 'part',
            (
                select string_agg(format('%scoalesce(%s, 0)::numeric', direction, m.aggregate), ', ' order by m.place)
                from jsonb_array_elements_text(definition -> 'aggregates') with ordinality as m (aggregate, place)
            ),
            rows_written,
            definition ->> 'condition'
        ) using
            array(select jsonb_array_elements_text(definition -> 'measures')), report_name;
    end loop;
    return null;
end
$$;
comment on function published.add_up() is 'Move the control totals of a report by the rows that a statement writes';

create function published.control(relation regclass) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
    place record;
begin
    for place in
        select
            'control_' || t.event as name,
            t.event,
            t.row_sets
        from (values
            ('insert', 'referencing new table as new_rows'),
            ('update', 'referencing old table as old_rows new table as new_rows'),
            ('delete', 'referencing old table as old_rows'),
            ('truncate', '')
        ) as t (event, row_sets)
        where not exists (
            select from pg_trigger as g where g.tgrelid = relation and g.tgname = 'control_' || t.event
        )
    loop
        execute format(
            'create trigger %s after %s on %s %s for each statement execute function published.add_up()',
            place.name, place.event, relation, place.row_sets
        );
    end loop;
end
$$;
comment on function published.control(regclass) is
'Keep the control totals of a table of a report, or of one of its partitions, from now on. Safe to repeat';

revoke all on all functions in schema published from public;
