-- noqa: disable=LT02,LT05,LT01,LT12 (the lists are laid out as written, not as rendered)
-- The newest version of each record, from batches that passed their checks. Where rows are transactions, its amounts
-- are those of all of them together.
{% import "order.jinja" as one_order -%}
create or replace view {{ schema }}.{{ feed }}_current as
select distinct on ({{ feed }}.{{ key | join(', ' ~ feed ~ '.') }})
{%- if rows_are_transactions %}
    {{ feed }}.batch_id,
    {{ feed }}.row_number
    {%- for column in columns %},
    {% if column.is_amount -%}
    sum({{ feed }}.{{ column.name }}) over (
        partition by {{ feed }}.{{ key | join(', ' ~ feed ~ '.') }}
    ) as {{ column.name }}
    {%- else -%}
    {{ feed }}.{{ column.name }}
    {%- endif %}
    {%- endfor %}
{%- else %}
    {{ feed }}.*
{%- endif %}
from {{ schema }}.{{ feed }}
inner join landing.batch_order as batch on {{ feed }}.batch_id = batch.batch_id
where batch.state in ('checked', 'loaded')
order by
    {% for column in key %}{{ feed }}.{{ column }} asc,
    {% endfor %}{{ one_order.newest_first(feed, "batch", version_column) }};
