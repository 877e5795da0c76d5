-- The batches of a feed of which rows were read under another version of its contract, in the order of their files.
-- $1 source system, $2 feed, $3 the version, $4 the day from which on their files arrived, or null.
select b.batch_id
from landing.batch as b
inner join landing.batch_order as o on b.batch_id = o.batch_id
where
    b.source_system = $1
    and b.feed = $2
    and b.state in ('verified', 'checked', 'held', 'loaded')
    and (
        b.contract_hash is distinct from $3
        -- rows that were quarantined may have been accepted under another one since
        or exists (
            select from landing.batch_reading as r
            where
                r.batch_id = b.batch_id
                and r.contract_hash <> $3
                and r.reading_id > (
                    select max(w.reading_id) from landing.batch_reading as w
                    where w.batch_id = b.batch_id and w.is_whole
                )
        )
    )
    and ($4::date is null or b.received_date >= $4)
order by o.newness;
