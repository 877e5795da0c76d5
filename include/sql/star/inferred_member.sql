-- sqlfluff:templater:jinja:context:dimension:dim_patient
-- sqlfluff:templater:jinja:context:id:patient_id
-- sqlfluff:templater:jinja:context:fact:fact_claim
-- A member of star.{{ dimension }} for every id that {{ fact }} names and nobody has described yet.
-- Its only version starts in 1900, where the first described one starts too: it is completed in place.

-- A table of its own, because the search can use several processes and an insert cannot.
create temp table unknown_member on commit drop as
select distinct f.{{ id }}
from source_{{ source }}.star_{{ fact }} as f
where
    f.batch_id = any(array(select load_batch.batch_id from load_batch))
    and f.{{ id }} is not null
    and not exists (
        select 1 from star.{{ dimension }} as d
        where d.source_system = '{{ source }}' and d.{{ id }} = f.{{ id }}
    );

insert into star.{{ dimension }} (source_system, {{ id }}, valid_from, valid_to, is_current, is_inferred)
select
    '{{ source }}' as source_system,
    {{ id }},
    date '1900-01-01' as valid_from,
    date '9999-12-31' as valid_to,
    true as is_current,
    true as is_inferred
from unknown_member;

drop table unknown_member;
