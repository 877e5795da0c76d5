{% from "macros.jinja" import fact with context %}
-- The queue of each report as a whole, and what entered and left it since the previous report.
with queue as (
    select
        f.source_system,
        f.report_date,
        f.report_date_key,
        count(*) as claims,
        sum(f.total_charge) as dollars,
        count(*) filter (where p.age_group = '<=30') as claims_to_30_days,
        count(*) filter (where p.age_group = '>30') as claims_over_30_days,
        coalesce(sum(f.total_charge) filter (where p.age_group = '>30'), 0) as dollars_over_30_days,
        round(avg(f.age_days), 1) as average_age_days,
        max(f.age_days) as oldest_days,
        sum(f.entered_count) as entered
    from {{ fact("fact_pended_queue") }} as f
    inner join star.dim_pended_profile as p on f.pended_profile_key = p.pended_profile_key
    group by f.source_system, f.report_date, f.report_date_key
),

gone as (
    select
        f.source_system,
        f.left_date_key,
        sum(f.cleared_count) as cleared,
        sum(f.left_count) as left_uncleared,
        coalesce(sum(f.total_charge), 0) as dollars_gone
    from {{ fact("fact_pended_queue") }} as f
    where f.cleared_count + f.left_count > 0
    group by f.source_system, f.left_date_key
)

select
    q.source_system,
    q.report_date,
    q.report_date = max(q.report_date) over (partition by q.source_system) as is_newest,
    q.claims,
    q.dollars,
    q.claims_to_30_days,
    q.claims_over_30_days,
    q.dollars_over_30_days,
    q.average_age_days,
    q.oldest_days,
    q.entered,
    coalesce(g.cleared, 0) as cleared,
    coalesce(g.left_uncleared, 0) as left_uncleared,
    coalesce(g.dollars_gone, 0) as dollars_gone
from queue as q
left join gone as g on q.source_system = g.source_system and q.report_date_key = g.left_date_key
