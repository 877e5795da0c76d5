{% from "macros.jinja" import fact with context %}
-- The 30 oldest claims of each report; filter by position for the top 10 or 20. For readers inside the house
-- only, who look claims up by number. It has no data about patients.
with ranked as (
    select
        f.*,
        f.report_date = max(f.report_date) over (partition by f.source_system) as is_newest,
        row_number() over (
            partition by f.source_system, f.report_date
            order by f.age_days desc nulls last, f.total_charge desc nulls last, f.claim_id asc
        ) as position
    from {{ fact("fact_pended_queue") }} as f
)

select
    f.source_system,
    f.report_date,
    f.is_newest,
    f.position,
    f.claim_id,
    t.date as received_date,
    f.age_days,
    p.age_bucket,
    p.note_category,
    f.total_charge,
    v.provider_id as npi,
    v.last_name as practitioner_last_name,
    v.first_name as practitioner_first_name,
    v.provider_group,
    l.facility_id
from ranked as f
inner join star.dim_pended_profile as p on f.pended_profile_key = p.pended_profile_key
inner join star.dim_date as t on f.received_date_key = t.date_key
inner join star.dim_provider as v on f.provider_key = v.provider_key
inner join star.dim_facility as l on f.facility_key = l.facility_key
where f.position <= 30
