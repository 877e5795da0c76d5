select
    payer_name,
    count(*) as claims,
    count(*) filter (where is_denied) as denied,
    count(*) filter (where is_underpaid) as underpaid,
    count(*) filter (where is_unpaid_too_long) as unpaid_too_long,
    count(*) filter (where is_pended_too_long) as pended_too_long,
    sum(underpaid_amount) as underpaid_amount
from reporting.claims_to_handle
group by payer_name
order by claims desc, payer_name asc;
