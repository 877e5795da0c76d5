-- The table of a feed: the source's own columns, every version received.
create schema if not exists {{ schema }};

create table if not exists {{ schema }}.{{ feed }} (
    batch_id bigint not null,
    row_number bigint not null
);

{% for column in columns -%}
    alter table {{ schema }}.{{ feed }} add column if not exists {{ column.name }} {{ column.physical_type }};
    comment on column {{ schema }}.{{ feed }}.{{ column.name }} is '{{ column.description | replace("'", "''") }}';
{% endfor %}
-- A small sample is enough to estimate batches, and it is taken after every file.
alter table {{ schema }}.{{ feed }} alter column batch_id set statistics 10;

-- Rows of a batch are adjacent, so a block-range index finds them at almost no cost.
create index if not exists {{ feed }}_batch on {{ schema }}.{{ feed }} using brin (batch_id)
with (pages_per_range = 32, autosummarize = on);

-- The pages show rows to people (schema/page_roles.sql).
do $$
declare
    role text;
begin
    for role in
        select r.rolname
        from pg_roles as r
        where
            r.rolname in ('claimhouse_viewer', 'claimhouse_reviewer')
            and not has_table_privilege(r.rolname, '{{ schema }}.{{ feed }}', 'select')
    loop
        execute format('grant usage on schema {{ schema }} to %I', role);
        execute format('grant select on {{ schema }}.{{ feed }} to %I', role);
    end loop;
end
$$;
