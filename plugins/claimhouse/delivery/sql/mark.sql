-- $1: a subscription, $2: recipients. The oldest of the extracts that they were sent last; no row where one of them has
-- been sent none.
with newest as (
    select
        r.recipient,
        (
            select max(d.extract_id)
            from delivery.disclosure as d
            inner join delivery.extract as e on d.extract_id = e.extract_id
            where d.recipient = r.recipient and e.subscription_id = $1
        ) as extract_id
    from unnest($2::text[]) as r (recipient)
)

select
    e.extract_id,
    e.period,
    e.editions,
    e.basis
from delivery.extract as e
where e.extract_id = (select case when bool_and(n.extract_id is not null) then min(n.extract_id) end from newest as n);
