-- sqlfluff:templater:jinja:context:dimension:dim_patient
-- sqlfluff:templater:jinja:context:id:patient_id
-- sqlfluff:templater:jinja:context:fact:fact_claim
-- sqlfluff:templater:jinja:context:keeps_history:true
-- sqlfluff:templater:jinja:context:batches:{4,5}
-- sqlfluff:indentation:template_blocks_indent:false
-- A member of star.{{ dimension }} for every id that {{ fact }} names and nobody has described yet.
-- It is completed in place: where history is kept, its only version starts in 1900, like the first
-- described one.

-- A table of its own, because the search can use several processes and an insert cannot.
create temp table unknown_member on commit drop as
select distinct f.{{ id }}
from source_{{ source }}.star_{{ fact }} as f
where
    f.batch_id = any('{{ batches }}'::bigint[])
    and f.{{ id }} <> 'not applicable'  -- nor NULL
    and not exists (
        select 1 from star.{{ dimension }} as d
        where d.source_system = '{{ source }}' and d.{{ id }} = f.{{ id }}
    );

insert into star.{{ dimension }} (
    source_system, {{ id }}, is_inferred{% if keeps_history %}, valid_from, valid_to, is_current{% endif %}
)
select
    '{{ source }}' as source_system,
    {{ id }},
    true as is_inferred{% if keeps_history %},
    date '1900-01-01' as valid_from,
    date '9999-12-31' as valid_to,
    true as is_current{% endif %}
from unknown_member;

drop table unknown_member;
