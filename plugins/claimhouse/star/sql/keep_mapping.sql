-- sqlfluff:templater:jinja:context:target:fact_pended_claim
-- sqlfluff:templater:jinja:context:key:["claim_id"]
-- sqlfluff:templater:jinja:context:batches:{4,5}
-- sqlfluff:templater:jinja:context:read_of_star:["dim_procedure"]
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- Keeps what a load touches of the mapping of {{ target }}: the rows of its batches, and all rows of their records.
-- Unlogged: a crash of the server empties it, and then the mapping is read.
create unlogged table source_{{ source }}.loading_{{ target }} as
-- evaluated once
with mapped as materialized (
    select v.* from source_{{ source }}.star_{{ target }} as v
)

select m.*
from mapped as m
where
    m.batch_id = any('{{ batches }}'::bigint[])
    or (m.{{ key | join(", m.") }}) in (
        select t.{{ key | join(", t.") }} from mapped as t
        where t.batch_id = any('{{ batches }}'::bigint[])
    );

analyze source_{{ source }}.loading_{{ target }};

do $$
begin
    execute format(
        'comment on table source_{{ source }}.loading_{{ target }} is %L',
        json_build_object(
            'batches', '{{ batches }}'::bigint[],
            'is_empty', not exists (select from source_{{ source }}.loading_{{ target }}),
            'read_of_star', '{ {{- read_of_star | join(",") -}} }'::text[]
        )
    );
end
$$;
