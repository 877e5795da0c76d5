{% from "macros.jinja" import from_level, reader %}
{% set lowest_level = "safe_harbor" %}
-- The accepted rows of a feed as they came. A column is NULL for readers below the lowest level that sees its
-- classification.
create view reporting.{{ view }} with (security_barrier) as
select
    t.batch_id,
    t.row_number,
    {% for column in columns -%}
        {% if column.lowest_level == lowest_level -%}
            t.{{ column.name }},
        {% else -%}
            {{ from_level(column.lowest_level, "t." ~ column.name) }} as {{ column.name }},
        {% endif -%}
    {% endfor -%}
    (select a.as_of from security.data_as_of as a where a.source_system = '{{ source }}') as as_of
from {{ schema }}.{{ feed }} as t
inner join {{ reader(view, lowest_level) }}
where t.batch_id in (select b.batch_id from security.readable_batch as b);
comment on view reporting.{{ view }} is '{{ description | replace("'", "''") }}: the accepted rows as they came';
{% for column in columns -%}
    comment on column reporting.{{ view }}.{{ column.name }} is '{{ column.description | replace("'", "''") }}';
{% endfor -%}
{% for column, meaning in meanings.items() -%}
    comment on column reporting.{{ view }}.{{ column }} is '{{ meaning | replace("'", "''") }}';
{% endfor -%}

grant usage on schema {{ schema }} to raw_owner;
grant select on {{ schema }}.{{ feed }} to raw_owner;
