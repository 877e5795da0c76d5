{% from "macros.jinja" import fact with context %}
-- The provider groups by pended claims. Practitioners without a known group are in the group unknown.
with grouped as (
    select
        f.source_system,
        f.report_date,
        coalesce(v.provider_group, 'unknown') as provider_group,
        count(distinct v.provider_id) as practitioners,
        count(*) as claims,
        coalesce(sum(f.total_charge), 0) as dollars,
        count(*) filter (where p.age_group = '>30') as claims_over_30_days,
        max(f.age_days) as oldest_days
    from {{ fact("fact_pended_queue") }} as f
    inner join star.dim_pended_profile as p on f.pended_profile_key = p.pended_profile_key
    inner join star.dim_provider as v on f.provider_key = v.provider_key
    group by f.source_system, f.report_date, coalesce(v.provider_group, 'unknown')
)

select
    g.source_system,
    g.report_date,
    g.report_date = max(g.report_date) over (partition by g.source_system) as is_newest,
    row_number() over (
        partition by g.source_system, g.report_date
        order by g.claims desc, g.dollars desc, g.provider_group asc
    ) as position,
    g.provider_group,
    g.practitioners,
    g.claims,
    g.dollars,
    g.claims_over_30_days,
    g.oldest_days
from grouped as g
