-- sqlfluff:templater:jinja:context:dimension:dim_facility
-- sqlfluff:templater:jinja:context:id:facility_id
-- sqlfluff:templater:jinja:context:attributes:["facility_name", "city"]
-- sqlfluff:templater:jinja:context:brought:["version_at"]
-- sqlfluff:templater:jinja:context:batches:{4,5}
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- Fills star.{{ dimension }} (SCD1: the newest state of each member) from the load's batches.
{% import "order.jinja" as one_order -%}
merge into star.{{ dimension }} as d
using (
    select distinct on (v.{{ id }}) v.*
    from source_{{ source }}.star_{{ dimension }} as v
    inner join landing.batch_order as b on v.batch_id = b.batch_id
    where
        (b.state = 'loaded' or b.batch_id = any('{{ batches }}'::bigint[]))
        and v.{{ id }} in (
            select named.{{ id }} from source_{{ source }}.star_{{ dimension }} as named
            where named.batch_id = any('{{ batches }}'::bigint[])
        )
    order by
        v.{{ id }},
        {{ one_order.newest_first("v", "b", "version_at" if "version_at" in brought else none) }}
) as v
    on d.source_system = v.source_system and d.{{ id }} = v.{{ id }}
when
    matched and (d.is_inferred, d.{{ attributes | join(", d.") }})
    is distinct from (false, v.{{ attributes | join(", v.") }}) then
    update set
        {% for attribute in attributes %}{{ attribute }} = v.{{ attribute }},
        {% endfor %}is_inferred = false
when not matched then
    insert (source_system, {{ id }}, {{ attributes | join(", ") }})
    values (v.source_system, v.{{ id }}, v.{{ attributes | join(", v.") }});
