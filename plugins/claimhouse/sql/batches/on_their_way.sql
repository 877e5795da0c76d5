-- Batches that move towards the star now; those that a run left behind have not moved for a while.
select b.batch_id
from landing.batch as b
where
    b.state in ('landed', 'verified', 'checked')
    and greatest(b.created_at, b.verified_at, b.checked_at, b.loading_since) > now() - interval '5 minutes';
