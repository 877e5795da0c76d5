-- A rejected file is of another feed: contracts have changed. $1 batch, $2 feed, $3 place in its order, $4 what that
-- was made from.
with moved as (
    update landing.batch
    set feed = $2, contract_hash = null, retried_hash = null
    where batch_id = $1 and state = 'rejected'
    returning file_id
)

update landing.file as f
set feed = $2, file_order = $3, ordered_by = $4
from moved as m
where f.file_id = m.file_id;
