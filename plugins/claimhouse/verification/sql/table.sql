-- One table for each feed: the source's own columns, every version received.
create schema if not exists {{ schema }};

create table if not exists {{ schema }}.{{ feed }} (
    batch_id bigint not null,
    row_number bigint not null
);

{% for column in columns -%}
    alter table {{ schema }}.{{ feed }} add column if not exists {{ column.name }} {{ column.physical_type }};
    comment on column {{ schema }}.{{ feed }}.{{ column.name }} is '{{ column.description | replace("'", "''") }}';
{% endfor %}
-- Of few rows it is known well enough how they part into batches, and it is asked after every file.
alter table {{ schema }}.{{ feed }} alter column batch_id set statistics 10;

-- Batches arrive one after another, so a block-range index finds one at almost no cost.
create index if not exists {{ feed }}_batch on {{ schema }}.{{ feed }} using brin (batch_id)
with (pages_per_range = 32, autosummarize = on);
