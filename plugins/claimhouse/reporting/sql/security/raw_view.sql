{% from "macros.jinja" import reader, shown %}
-- The accepted rows of a feed as they came. Below the level identified a column is empty when its
-- classification gives away more of a person than the reader's level allows.
create view reporting.{{ view }} with (security_barrier) as
select
    t.batch_id,
    t.row_number,
    {% for column in columns -%}
        {{ shown("t." ~ column.name, column.levels) }} as {{ column.name }},
    {% endfor -%}
    (select a.as_of from security.data_as_of as a where a.source_system = '{{ source }}') as as_of
from {{ schema }}.{{ feed }} as t
inner join {{ reader(view, ["safe_harbor", "limited", "identified"]) }}
where t.batch_id in (select b.batch_id from security.readable_batch as b);
comment on view reporting.{{ view }} is '{{ description | replace("'", "''") }}: the accepted rows as they came';
{% for column in columns -%}
    comment on column reporting.{{ view }}.{{ column.name }} is '{{ column.description | replace("'", "''") }}';
{% endfor -%}
comment on column reporting.{{ view }}.as_of is 'When the source was last loaded (UTC)';

grant usage on schema {{ schema }} to raw_owner;
grant select on {{ schema }}.{{ feed }} to raw_owner;
