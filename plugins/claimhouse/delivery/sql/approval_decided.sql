-- $1: a file, $2: whether it may be sent, $3: who decided. Yields its subscription, once.
with decided as (
    update delivery.approval
    set is_approved = $2, decided_by = $3, decided_at = now()
    where extract_id = $1 and is_approved is null
    returning extract_id
)

select e.subscription_id
from decided as d
inner join delivery.extract as e on d.extract_id = e.extract_id;
