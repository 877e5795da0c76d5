-- noqa: disable=AM09,LT02,LT05,ST05 (the lists are laid out as written, not as rendered)
-- The temporary table changed, of a report whose columns add up: what has changed added to what is shown.
{% import "reporting/sql/editions/fields.jinja" as list -%}
{% set counted = sums | list | first -%}
drop table if exists pg_temp.changed;
-- Their number is underestimated, and sorting them by all columns takes longer than hashing them.
set local enable_sort = off;
create temporary table changed on commit drop as
with delta as (
    select
        {{ list.row_key("q", key) }} as row_key,
        q.*
    from (
        {{ changes }}
    ) as q
)

select
    d.row_key,
    t.row_key is not null as is_shown,
    coalesce(t.{{ counted }}, 0) + d.{{ counted }} <> 0 as stays,
    {%- for field in fields %}
    {%- if field not in sums %}
    d.{{ field }}
    {%- elif sums[field].known %}
    case
        when coalesce(t.{{ sums[field].known }}, 0) + d.{{ sums[field].known }} <> 0
            then (coalesce(t.{{ field }}, 0) + d.{{ field }})::{{ sums[field].type }}
    end as {{ field }}
    {%- else %}
    (coalesce(t.{{ field }}, 0) + d.{{ field }})::{{ sums[field].type }} as {{ field }}
    {%- endif %}{{ "," if not loop.last }}
    {%- endfor %}
from delta as d
-- The offset keeps it a look-up for each row, whatever the statistics say.
left join lateral (
    select s.*
    from published.{{ partition }} as s
    where s.row_key = d.row_key
    offset 0
) as t on true
where {% for sum in sums %}d.{{ sum }} <> 0{{ " or " if not loop.last }}{% endfor %};
reset enable_sort;
-- What merging joins by; the other columns are many.
analyze changed (row_key, is_shown, stays);
