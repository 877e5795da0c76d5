-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- The rows of an extract that have changed, in the order of its rows; then those that are gone from it.
with numbered as (
    select
        s.*,
        row_number() over () as line_number
    from (
        {{ query }}
    ) as s
)

select
    case when q.line_number is null then 'removed' else k.change end as change,
    {%- for field in fields %}
    {{ "k" if field in key else "q" }}.{{ field }}{{ "," if not loop.last }}
    {%- endfor %}
from pg_temp.touched as k
left join numbered as q
    on {% for column in key %}k.{{ column }} = q.{{ column }}{{ " and " if not loop.last }}{% endfor %}
order by q.line_number nulls last{% for column in key %}, k.{{ column }}{% endfor %};
