-- The groups with the most pended claims in the newest report; practitioners without a known group are together.
-- Change the last line for the top 10, 20 or 30.
select
    coalesce(provider.provider_group, 'unknown') as provider_group,
    count(distinct provider.provider_id) as practitioners,
    count(*) as claims,
    sum(queue.total_charge) as dollars,
    count(*) filter (where profile.age_group = '>30') as claims_over_30_days,
    max(queue.age_days) as oldest_days
from star.fact_pended_queue as queue
inner join star.dim_pended_profile as profile on queue.pended_profile_key = profile.pended_profile_key
inner join star.dim_provider as provider on queue.provider_key = provider.provider_key
where queue.report_date = (select max(newest.report_date) from star.fact_pended_queue as newest)
group by coalesce(provider.provider_group, 'unknown')
order by claims desc, dollars desc nulls last, provider_group asc
limit 10
