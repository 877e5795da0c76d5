{% from "dashboards/sql/conditions.jinja" import holding with context %}
-- noqa: disable=AL04,LT02,LT05,LT01 (the lists are laid out as written, not as rendered)
-- Numbers of a metric or report by its fields, and their total. Each number has two parts: what is added up, and what
-- that is divided by, which is null where nothing is.
select
    {%- for field in fields %}
    {{ field }} as field_{{ loop.index0 }},
    {%- endfor %}
    {%- for part in quotients %}
    {{ part.numerator }} as numerator_{{ loop.index0 }},
    {{ part.denominator or "null::numeric" }} as denominator_{{ loop.index0 }},
    {%- endfor %}
    {{ unknown or "null::bigint" }} as unknown_count,
    count(*) as row_count,
    {{ "min(t.as_of)" if has_as_of else "null::timestamptz" }} as as_of,
    {{ "grouping(" ~ fields | join(", ") ~ ") > 0" if fields else "true" }} as is_total
from reporting.{{ relation }} as t
where true {{ holding(conditions) }}
{%- if newest %}
    and t.{{ newest }} = (
        select max(t.{{ newest }})
        from reporting.{{ relation }} as t
        where true {{ holding(conditions) }}
    )
{%- endif %}
{%- if fields %}
group by grouping sets (({{ fields | join(", ") }}), ())
order by is_total desc, {{ order }}
limit {{ most }}
{%- endif %}
