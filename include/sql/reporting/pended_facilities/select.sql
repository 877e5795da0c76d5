{% from "macros.jinja" import fact with context %}
-- The facilities by pended claims. Only claims that are known from the claims feed have a facility.
with grouped as (
    select
        f.source_system,
        f.report_date,
        l.facility_id,
        l.state,
        count(*) as claims,
        coalesce(sum(f.total_charge), 0) as dollars,
        count(*) filter (where p.age_group = '>30') as claims_over_30_days,
        max(f.age_days) as oldest_days
    from {{ fact("fact_pended_queue") }} as f
    inner join star.dim_pended_profile as p on f.pended_profile_key = p.pended_profile_key
    inner join star.dim_facility as l on f.facility_key = l.facility_key
    group by f.source_system, f.report_date, l.facility_id, l.state
)

select
    g.source_system,
    g.report_date,
    g.report_date = max(g.report_date) over (partition by g.source_system) as is_newest,
    row_number() over (
        partition by g.source_system, g.report_date
        order by g.claims desc, g.dollars desc, g.facility_id asc
    ) as position,
    g.facility_id,
    g.state,
    g.claims,
    g.dollars,
    g.claims_over_30_days,
    g.oldest_days
from grouped as g
