-- noqa: disable=LT02,LT05 (the list is laid out as written, not as rendered)
-- The types of aggregates over a fact.
select
    array[
        {%- for aggregate in aggregates %}
        pg_typeof({{ aggregate }})::text{{ "," if not loop.last }}
        {%- endfor %}
    ] as types
from star.{{ fact }} as {{ fact }}
{%- for join in joins %}
left join star.{{ join.table }} as {{ join.table }} on {{ fact }}.{{ join.key }} = {{ join.table }}.{{ join.key }}
{%- endfor %}
where false;
