{% from "macros.jinja" import fact with context %}
-- What changed in the queue since the previous report: each claim that entered it, was cleared, or left without
-- having been cleared, which somebody should investigate. For readers inside the house only.
with moved as (
    select
        f.*,
        f.report_date_key as moved_date_key,
        'entered' as movement
    from {{ fact("fact_pended_queue") }} as f
    where f.entered_count = 1
    union all
    select
        f.*,
        f.left_date_key as moved_date_key,
        case f.cleared_count when 1 then 'cleared' else 'left' end as movement
    from {{ fact("fact_pended_queue") }} as f
    where f.cleared_count + f.left_count > 0
)

select
    f.source_system,
    t.date as report_date,
    t.date = (
        select max(n.report_date)
        from {{ fact("fact_pended_queue") }} as n
    ) as is_newest,
    f.movement,
    f.claim_id,
    f.age_days,
    p.note_category,
    f.total_charge,
    v.provider_id as npi,
    v.provider_group,
    l.facility_id
from moved as f
inner join star.dim_date as t on f.moved_date_key = t.date_key
inner join star.dim_pended_profile as p on f.pended_profile_key = p.pended_profile_key
inner join star.dim_provider as v on f.provider_key = v.provider_key
inner join star.dim_facility as l on f.facility_key = l.facility_key
