-- The pend queue of each day by the reason why claims pend, read from their notes.
select
    queue.report_date,
    profile.note_category,
    count(*) as claims,
    sum(queue.total_charge) as dollars,
    round(100.0 * count(*) / sum(count(*)) over (partition by queue.report_date), 1) as percent_of_claims
from star.fact_pended_queue as queue
inner join star.dim_pended_profile as profile on queue.pended_profile_key = profile.pended_profile_key
group by queue.report_date, profile.note_category
order by queue.report_date asc, claims desc, profile.note_category asc
