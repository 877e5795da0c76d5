{% from "macros.jinja" import reader %}
-- The queue of each report by age: each bucket, and the running total up to it.
create view reporting.pended_by_age with (security_barrier) as
with bucket as (
    select
        f.source_system,
        f.report_date,
        p.age_group,
        p.age_bucket,
        p.age_bucket_position,
        count(*) as claims,
        coalesce(sum(f.total_charge), 0) as dollars
    from star.fact_pended_queue as f
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
    sum(b.dollars) over up_to as dollars_up_to,
    a.as_of
from bucket as b
inner join {{ reader("pended_by_age", "aggregate") }}
left join security.data_as_of as a on b.source_system = a.source_system
window
    day as (partition by b.source_system, b.report_date),
    up_to as (partition by b.source_system, b.report_date order by b.age_bucket_position);

comment on view reporting.pended_by_age is 'Pended claims by age';
