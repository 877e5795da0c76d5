-- sqlfluff:templater:jinja:context:mapped:source_billing.star_fact_claim
-- sqlfluff:templater:jinja:context:dimension:dim_patient
-- sqlfluff:templater:jinja:context:id:patient_id
-- sqlfluff:templater:jinja:context:fact:fact_claim
-- sqlfluff:templater:jinja:context:keeps_history:true
-- sqlfluff:templater:jinja:context:batches:{4,5}
-- sqlfluff:indentation:template_blocks_indent:false
-- A member of star.{{ dimension }} for every id that {{ fact }} names and no row has described yet. Its row is
-- completed in place: where history is kept, its only state holds always, as the first described one would.
{% import "star/sql/history.jinja" as history -%}

-- Tables of their own, because a query can use several processes and an insert cannot, and because the planner can
-- choose to look members up where it knows how few they are.
create temp table named_member on commit drop as
select distinct f.{{ id }}
from {{ mapped }} as f
where
    f.batch_id = any('{{ batches }}'::bigint[])
    and f.{{ id }} <> 'not applicable';  -- nor NULL

analyze named_member;

create temp table unknown_member on commit drop as
select n.{{ id }}
from named_member as n
where not exists (
    select 1 from star.{{ dimension }} as d
    where d.source_system = '{{ source }}' and d.{{ id }} = n.{{ id }}
);

insert into star.{{ dimension }} (
    source_system, {{ id }}, is_inferred{% if keeps_history %}, valid_from, valid_to, is_current{% endif %}
)
select
    '{{ source }}' as source_system,
    {{ id }},
    true as is_inferred{% if keeps_history %},
    {{ history.always() }}{% endif %}
from unknown_member;

drop table named_member, unknown_member;
