-- The batches to read again: somebody asked for it, or they have quarantined rows or open issues of rows and were last
-- read under another version of their contract. $1 source system, $2 feeds, $3 the version of the contract of each.
select o.batch_id
from unnest($2::text[], $3::text[]) as c (feed, contract_hash)
inner join landing.batch as b on b.source_system = $1 and c.feed = b.feed
inner join landing.batch_order as o on b.batch_id = o.batch_id
where
    b.state in ('verified', 'checked', 'held', 'loaded')
    and (
        b.is_to_be_reverified
        or (
            coalesce(b.retried_hash, b.contract_hash) is distinct from c.contract_hash
            and (
                b.rows_quarantined > 0
                or exists (
                    select from quality.issue as i
                    where
                        i.batch_id = b.batch_id
                        and i.status = 'open'
                        and i.row_number is not null
                        and i.rule not in ('identical_transaction', 'identical_copy')
                )
            )
        )
    )
order by o.newness;
