-- sqlfluff:templater:jinja:context:mapped:source_billing.star_fact_claim
-- sqlfluff:templater:jinja:context:fact:bridge_visit_provider
-- sqlfluff:templater:jinja:context:fact_key:["encounter_id"]
-- sqlfluff:templater:jinja:context:unnamed:["provider"]
-- sqlfluff:templater:jinja:context:dates:{}
-- sqlfluff:templater:jinja:context:pointed:["provider_key"]
-- sqlfluff:templater:jinja:context:values:["role"]
-- sqlfluff:templater:jinja:context:brought:["role"]
-- sqlfluff:templater:jinja:context:is_first:false
-- sqlfluff:templater:jinja:context:members:[]
-- sqlfluff:templater:jinja:context:batches:{4,5}
-- noqa: disable=LT02,LT05,LT01,LT12 (the lists are laid out as written, not as rendered)
-- Fills star.{{ fact }}: for each owner that the load touches, the rows of the newest batch that names it. A row
-- without a member says that there is none; one of a layout that has no members says nothing.
{% import "star/sql/keys.jinja" as keys with context -%}
{% import "order.jinja" as one_order -%}
create temp table touched on commit drop as
select distinct on (v.{{ fact_key | join(", v.") }})
    v.{{ fact_key | join(", v.") }},
    v.batch_id
from {{ mapped }} as v
inner join landing.batch_order as b on v.batch_id = b.batch_id
where
    (b.state = 'loaded' or b.batch_id = any('{{ batches }}'::bigint[]))
    {% if "left_out" in brought %}and (v.left_out @> '{ {{- members | map(attribute="id") | join(",") -}} }'::text[]) is not true
    {% endif -%}
    and (v.{{ fact_key | join(", v.") }}) in (
        select t.{{ fact_key | join(", t.") }}
        from {{ mapped }} as t
        where t.batch_id = any('{{ batches }}'::bigint[])
    )
order by
    v.{{ fact_key | join(", v.") }},
    {{ one_order.newest_first("v", "b", "version_at" if "version_at" in brought else none) }};

analyze touched;

create temp table bridge_version on commit drop as
with {{ keys.calendar() }},

version as (
    select
        v.*,
        {{ keys.as_of() }} as as_of
    from {{ mapped }} as v
    inner join touched as t on (v.batch_id, v.{{ fact_key | join(", v.") }}) = (t.batch_id, t.{{ fact_key | join(", t.") }})
)

select distinct on (v.{{ fact_key | join(", v.") }}{% for dim in members %}, {{ dim.member }}.{{ dim.key }}{% endfor %})
    v.source_system,
    v.{{ fact_key | join(", v.") }},
    {{ keys.columns() }}
    {%- for value in values %}v.{{ value }},
    {% endfor %}v.batch_id,
    v.row_number
from version as v
{{ keys.joins() }}
where num_nonnulls({% for dim in members %}v.{{ dim.id }}{{ ", " if not loop.last }}{% endfor %}) > 0
order by v.{{ fact_key | join(", v.") }}{% for dim in members %}, {{ dim.member }}.{{ dim.key }}{% endfor %}, v.row_number;

analyze bridge_version;

{% set written = values + ["batch_id", "row_number"] -%}
delete from star.{{ fact }} as f
using touched as t
where
    f.source_system = '{{ source }}'
    {% for column in fact_key %}and f.{{ column }} = t.{{ column }} {% endfor %}
    and not exists (
        select 1 from bridge_version as v
        where (v.{{ (fact_key + pointed) | join(", v.") }}) = (f.{{ (fact_key + pointed) | join(", f.") }})
    );

merge into star.{{ fact }} as f
using bridge_version as v
    on f.source_system = v.source_system
    {% for column in fact_key + pointed %}and f.{{ column }} = v.{{ column }} {% endfor %}
when matched and (f.{{ written | join(", f.") }}) is distinct from (v.{{ written | join(", v.") }}) then
    update set
        {% for column in written %}{{ column }} = v.{{ column }}{{ "," if not loop.last }}
        {% endfor %}
when not matched then
    insert (source_system, {{ (fact_key + pointed + written) | join(", ") }})
    values (v.source_system, v.{{ (fact_key + pointed + written) | join(", v.") }});

drop table touched, bridge_version;
