-- The newest version of each record, from batches that passed their checks.
create or replace view {{ schema }}.{{ feed }}_current as
select distinct on ({{ key | join(', ') }}) {{ feed }}.*
from {{ schema }}.{{ feed }}
inner join landing.batch using (batch_id)
where batch.state in ('checked', 'loaded')
order by
    {{ key | join(', ') }} asc,
    {% if version_column %}{{ version_column }} desc nulls last,{% endif %}
    batch_id desc,
    {{ feed }}.row_number desc;
