select
    report_date,
    claims,
    claims_over_30_days,
    dollars,
    entered,
    cleared,
    left_uncleared
from reporting.pended_daily
order by report_date;
