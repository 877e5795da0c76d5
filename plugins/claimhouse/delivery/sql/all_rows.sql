-- noqa: disable=LT02,LT05 (the list is laid out as written, not as rendered)
-- All rows of an extract, to begin a copy with.
select
    'new'::text as change,
    {%- for column in fields %}
    q.{{ column }}{{ "," if not loop.last }}
    {%- endfor %}
from (
    {{ query }}
) as q;
