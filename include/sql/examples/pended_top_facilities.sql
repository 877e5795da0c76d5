-- The facilities with the most pended claims in the newest report, where the claim behind names one. Change the last
-- line for the top 10, 20 or 30.
select
    facility.facility_id,
    facility.state,
    count(*) as claims,
    sum(queue.total_charge) as dollars,
    count(*) filter (where profile.age_group = '>30') as claims_over_30_days,
    max(queue.age_days) as oldest_days
from star.fact_pended_queue as queue
inner join star.dim_pended_profile as profile on queue.pended_profile_key = profile.pended_profile_key
inner join star.dim_facility as facility on queue.facility_key = facility.facility_key
where queue.report_date = (select max(newest.report_date) from star.fact_pended_queue as newest)
group by facility.facility_id, facility.state
order by claims desc, dollars desc nulls last, facility.facility_id asc
limit 10
