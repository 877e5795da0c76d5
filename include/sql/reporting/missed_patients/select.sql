{% from "macros.jinja" import counts with context %}
-- The patients that an insurer does not have: for each of its procedures, how many are uninsured and how many
-- have other payers. Small counts are suppressed. Order by own_procedures to start with the most frequent.
with named as (
    select distinct
        p.source_system,
        p.procedure_id,
        p.procedure_name
    from star.dim_procedure as p
)

select
    t.source_system,
    t.specialty,
    t.procedure_id as procedure_code,
    coalesce(n.procedure_name, t.procedure_id) as procedure_name,
    coalesce(o.procedures, 0) as own_procedures,
    coalesce(o.patients, 0) as own_patients,
    case when u.source_system is null then 0 else u.patients end as uninsured_patients,
    case when x.source_system is null then 0 else x.patients end as other_payers_patients,
    t.patients as missed_patients,
    t.is_hidden or coalesce(u.is_hidden, false) or coalesce(x.is_hidden, false) as is_hidden,
    case
        when not (t.is_hidden or coalesce(u.is_hidden, false) or coalesce(x.is_hidden, false)) then 'shown'
        when
            t.patients is null
            or u.source_system is not null and u.patients is null
            or x.source_system is not null and x.patients is null then 'hidden'
        else 'older'
    end as small_numbers,
    least(t.as_of, u.as_of, x.as_of) as as_of
from {{ counts("payer_market") }} as t
left join {{ counts("payer_market") }} as o
    on
        t.client = o.client and t.source_system = o.source_system
        and t.restricted_specialty = o.restricted_specialty and t.specialty = o.specialty
        and t.procedure_id = o.procedure_id and o.payer_group = 'own members'
left join {{ counts("payer_market") }} as u
    on
        t.client = u.client and t.source_system = u.source_system
        and t.restricted_specialty = u.restricted_specialty and t.specialty = u.specialty
        and t.procedure_id = u.procedure_id and u.payer_group = 'uninsured'
left join {{ counts("payer_market") }} as x
    on
        t.client = x.client and t.source_system = x.source_system
        and t.restricted_specialty = x.restricted_specialty and t.specialty = x.specialty
        and t.procedure_id = x.procedure_id and x.payer_group = 'other payers'
left join named as n on t.source_system = n.source_system and t.procedure_id = n.procedure_id
where t.payer_group = 'all'
