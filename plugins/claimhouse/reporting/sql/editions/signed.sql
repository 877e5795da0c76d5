-- noqa: disable=AM09,LT02,LT05,ST05 (the lists are laid out as written, not as rendered)
-- What is to be added to the sums that are shown: those of the affected rows as they are, less those as they were.
{% import "reporting/sql/editions/fields.jinja" as list -%}
select
    {{ list.of("q", key) }}
    {%- for sum in sums %},
    coalesce({{ "published.sum_of_counts" if sums[sum].type == "bigint" else "sum" }}(q.{{ sum }}), 0) as {{ sum }}
    {%- endfor %}
from (
    select
        {{ list.of("n", key) }}
        {%- for sum in sums %},
        n.{{ sum }}
        {%- endfor %}
    from (
        {{ now }}
    ) as n
    union all
    select
        {{ list.of("w", key) }}
        {%- for sum in sums %},
        -w.{{ sum }}
        {%- endfor %}
    from (
        {{ was }}
    ) as w
) as q
group by {{ list.of("q", key) }}
