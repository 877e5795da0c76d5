-- The pended claims that were cleared, day by day: how many, and after how many days on average. Claims cleared before
-- the first report of the queue count too.
select
    cleared.cleared_date,
    count(*) as claims,
    count(*) filter (where claim.report_count > 0) as claims_seen_in_the_queue,
    round(avg(claim.days_to_clear), 1) as average_days_to_clear,
    max(claim.days_to_clear) as longest_days_to_clear
from star.fact_pended_claim as claim
inner join star.dim_cleared_date as cleared on claim.cleared_date_key = cleared.cleared_date_key
where claim.cleared_count = 1
group by cleared.cleared_date
order by cleared.cleared_date
