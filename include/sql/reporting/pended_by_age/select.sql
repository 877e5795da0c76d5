{% from "macros.jinja" import fact with context %}
-- The queue of each report by age: each bucket, and the running total up to it.
with bucket as (
    select
        f.source_system,
        f.report_date,
        p.age_group,
        p.age_bucket,
        p.age_bucket_position,
        count(*) as claims,
        coalesce(sum(f.total_charge), 0) as dollars
    from {{ fact("fact_pended_queue") }} as f
    inner join star.dim_pended_profile as p on f.pended_profile_key = p.pended_profile_key
    group by f.source_system, f.report_date, p.age_group, p.age_bucket, p.age_bucket_position
)

select
    b.source_system,
    b.report_date,
    b.report_date = max(b.report_date) over (partition by b.source_system) as is_newest,
    b.age_group,
    b.age_bucket,
    b.age_bucket_position,
    b.claims,
    b.dollars,
    round(100.0 * b.claims / sum(b.claims) over day, 1) as percent_of_claims,
    sum(b.claims) over up_to as claims_up_to,
    sum(b.dollars) over up_to as dollars_up_to
from bucket as b
window
    day as (partition by b.source_system, b.report_date),
    up_to as (partition by b.source_system, b.report_date order by b.age_bucket_position)
