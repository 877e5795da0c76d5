-- sqlfluff:templater:jinja:context:mapped:source_billing.star_fact_claim
-- sqlfluff:templater:jinja:context:fact:fact_claim
-- sqlfluff:templater:jinja:context:junk:claim_profile
-- sqlfluff:templater:jinja:context:junk_columns:{"visit_type": "text", "is_billed": "boolean"}
-- sqlfluff:templater:jinja:context:listed:["claim_status"]
-- sqlfluff:templater:jinja:context:brought:["visit_type"]
-- sqlfluff:templater:jinja:context:fact_key:["claim_id"]
-- sqlfluff:templater:jinja:context:carried:[]
-- sqlfluff:templater:jinja:context:batches:{4,5}
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
{% import "star/sql/carry.jinja" as carry with context -%}
-- Adds to star.dim_{{ junk }} the combinations of flags that the load brings for {{ fact }}.

-- A table of its own, because a query can use several processes and an insert cannot.
create temp table combination on commit drop as
{% if carried %}with received as (
    {{ carry.touched() }}
),

kept as (  -- noqa: ST03
    {{ carry.kept("received") | trim }}
)

{% endif %}select distinct
    {% for name, type in junk_columns.items() %}
    {{- "v." + name if name in brought else "null" }}::{{ type }} as {{ name }}{{ "," if not loop.last }}
    {% endfor %}from {{ "kept" if carried else mapped }} as v
{%- if not carried %}
where v.batch_id = any('{{ batches }}'::bigint[])
{%- endif %};

-- "on conflict do nothing" alone would take a number from the sequence for every row it skips.
insert into star.dim_{{ junk }} ({{ junk_columns | join(", ") }})
select c.*
from combination as c
-- a row without any flag gets the key -1, unknown
where num_nonnulls(c.{{ junk_columns | join(", c.") }}) > 0 and not exists (
    select 1 from star.dim_{{ junk }} as d
    where
        {% for name in junk_columns %}{{ "and " if not loop.first }}d.{{ name }} is not distinct from c.{{ name }}
        {% endfor %})
order by {{ junk_columns | join(", ") }}
on conflict do nothing;
{% for word in listed %}
{% include "sql/reference/counts_as.jinja" %};
{% endfor %}
drop table combination;
