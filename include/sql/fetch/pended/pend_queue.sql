-- sqlfluff:templater:jinja:context:day:2026-01-05
-- The claims that were pended at the end of {{ day }}, from the claims system (connection
-- claimhouse_pended_claims). Replace tables and columns with those of your own system. The order by makes
-- the same queue the same file.
select
    queue.claim_id,
    queue.receipt_date,
    queue.total_charge,
    queue.npi,
    queue.most_recent_note
from pend_queue as queue
where queue.pended_on <= '{{ day }}' and (queue.cleared_on is null or queue.cleared_on > '{{ day }}')
order by queue.claim_id
