-- The claims of the newest report that have waited longest. Change the last line for the top 10, 20 or 30.
select
    queue.claim_id,
    received.received_date,
    queue.age_days,
    profile.age_bucket,
    profile.note_category,
    queue.total_charge,
    provider.npi,
    provider.last_name,
    provider.first_name,
    provider.provider_group,
    facility.facility_id
from star.fact_pended_queue as queue
inner join star.dim_pended_profile as profile on queue.pended_profile_key = profile.pended_profile_key
inner join star.dim_received_date as received on queue.received_date_key = received.received_date_key
inner join star.dim_provider as provider on queue.provider_key = provider.provider_key
inner join star.dim_facility as facility on queue.facility_key = facility.facility_key
where queue.report_date = (select max(newest.report_date) from star.fact_pended_queue as newest)
order by queue.age_days desc nulls last, queue.total_charge desc nulls last, queue.claim_id asc
limit 10
