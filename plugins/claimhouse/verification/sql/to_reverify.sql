-- The batches of a feed that were read as a whole under another version of its contract, in the order of their files.
-- $1 source system, $2 feed, $3 the version, $4 the day from which on their files arrived, or null.
select b.batch_id
from landing.batch as b
inner join landing.batch_order as o on b.batch_id = o.batch_id
where
    b.source_system = $1
    and b.feed = $2
    and b.state in ('verified', 'checked', 'held', 'loaded')
    and b.contract_hash is distinct from $3
    and ($4::date is null or b.received_date >= $4)
order by o.newness;
