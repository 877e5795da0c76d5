-- noqa: disable=LT02,LT05,LT01,LT12 (the lists are laid out as written, not as rendered)
-- The newest version of each record, from batches that passed their checks. Where rows are transactions, its amounts
-- are those of all of them together.
create or replace view {{ schema }}.{{ feed }}_current as
select distinct on ({{ key | join(', ') }})
{%- if rows_are_transactions %}
    {{ feed }}.batch_id,
    {{ feed }}.row_number
    {%- for column in columns %},
    {% if column.is_amount -%}
    sum({{ feed }}.{{ column.name }}) over (
        partition by {{ key | join(', ') }}
    ) as {{ column.name }}
    {%- else -%}
    {{ feed }}.{{ column.name }}
    {%- endif %}
    {%- endfor %}
{%- else %}
    {{ feed }}.*
{%- endif %}
from {{ schema }}.{{ feed }}
inner join landing.batch using (batch_id)
where batch.state in ('checked', 'loaded')
order by
    {{ key | join(', ') }} asc,
    {% if version_column %}{{ version_column }} desc nulls last,{% endif %}
    batch_id desc,
    {{ feed }}.row_number desc;
