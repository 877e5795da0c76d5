-- sqlfluff:templater:jinja:context:day:2026-01-05
-- The claims that were cleared on {{ day }}, from the claims system (connection claimhouse_pended_claims).
select
    queue.claim_id,
    queue.receipt_date,
    queue.cleared_on as clear_date,
    queue.most_recent_note
from pend_queue as queue
where queue.cleared_on = '{{ day }}'
order by queue.claim_id
