{% from "macros.jinja" import fact with context %}
-- The queue of each report by the reason why its claims are pended, read from their notes.
with category as (
    select
        f.source_system,
        f.report_date,
        p.note_category,
        count(*) as claims,
        coalesce(sum(f.total_charge), 0) as dollars,
        count(*) filter (where p.age_group = '>30') as claims_over_30_days,
        max(f.age_days) as oldest_days
    from {{ fact("fact_pended_queue") }} as f
    inner join star.dim_pended_profile as p on f.pended_profile_key = p.pended_profile_key
    group by f.source_system, f.report_date, p.note_category
)

select
    c.source_system,
    c.report_date,
    c.report_date = max(c.report_date) over (partition by c.source_system) as is_newest,
    c.note_category,
    c.claims,
    c.dollars,
    round(100.0 * c.claims / sum(c.claims) over (partition by c.source_system, c.report_date), 1) as percent_of_claims,
    c.claims_over_30_days,
    c.oldest_days
from category as c
