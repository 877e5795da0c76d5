select
    report_date,
    claims,
    dollars,
    claims_to_30_days,
    claims_over_30_days,
    dollars_over_30_days,
    average_age_days,
    oldest_days,
    entered,
    cleared,
    left_uncleared,
    dollars_gone,
    as_of
from reporting.pended_daily
order by report_date desc;
