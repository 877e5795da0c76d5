-- The daily report of the pend queue: how many claims and dollars pend, how many of them for more than 30 days, and
-- what has entered, was cleared or left without clearing since the report before.
with gone as (
    select
        left_date_key,
        sum(cleared_count) as cleared,
        sum(left_count) as left_uncleared,
        sum(total_charge) as dollars
    from star.fact_pended_queue
    where cleared_count + left_count > 0
    group by left_date_key
)

select
    report.report_date,
    count(*) as claims,
    sum(queue.total_charge) as dollars,
    count(*) filter (where profile.age_group = '<=30') as claims_to_30_days,
    count(*) filter (where profile.age_group = '>30') as claims_over_30_days,
    sum(queue.total_charge) filter (where profile.age_group = '>30') as dollars_over_30_days,
    round(avg(queue.age_days), 1) as average_age_days,
    sum(queue.entered_count) as entered,
    coalesce(max(gone.cleared), 0) as cleared,
    coalesce(max(gone.left_uncleared), 0) as left_uncleared,
    coalesce(max(gone.dollars), 0) as dollars_gone
from star.fact_pended_queue as queue
inner join star.dim_report_date as report on queue.report_date_key = report.report_date_key
inner join star.dim_pended_profile as profile on queue.pended_profile_key = profile.pended_profile_key
left join gone on queue.report_date_key = gone.left_date_key
group by report.report_date
order by report.report_date
