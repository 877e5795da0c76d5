-- The pend queue of each day by age: claims, dollars and share of each bucket, the oldest last.
select
    queue.report_date,
    profile.age_group,
    profile.age_bucket,
    count(*) as claims,
    sum(queue.total_charge) as dollars,
    round(100.0 * count(*) / sum(count(*)) over (partition by queue.report_date), 1) as percent_of_claims
from star.fact_pended_queue as queue
inner join star.dim_pended_profile as profile on queue.pended_profile_key = profile.pended_profile_key
group by queue.report_date, profile.age_bucket_position, profile.age_bucket, profile.age_group
order by queue.report_date, profile.age_bucket_position
