-- The claims that were gone from one report to the next, and how: cleared, or left without having been cleared, which
-- somebody should look into.
select
    gone.left_date,
    profile.outcome,
    queue.claim_id,
    queue.age_days,
    profile.note_category,
    queue.total_charge
from star.fact_pended_queue as queue
inner join star.dim_left_date as gone on queue.left_date_key = gone.left_date_key
inner join star.dim_pended_profile as profile on queue.pended_profile_key = profile.pended_profile_key
where queue.cleared_count + queue.left_count > 0
order by gone.left_date, profile.outcome, queue.claim_id
