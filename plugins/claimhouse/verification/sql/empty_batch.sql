-- Take all rows of a batch out that is rejected now, and close the issues of its rows. $1 batch, $2 version of the
-- contract.
with emptied as (
    delete from {{ schema }}.{{ feed }} as t
    where t.batch_id = $1
    returning t.row_number
),

gone as (
    delete from quality.quarantine as q
    where q.batch_id = $1
    returning q.row_number
),

closed as (
    update quality.issue as i
    set status = 'resolved', closed_at = now(), closed_by = 'contract ' || left($2, 12)
    where i.batch_id = $1 and i.status = 'open' and i.rule not like 'soda:%' and i.rule not like 'archive\_%'
    returning i.issue_id
)

update landing.batch as b
set
    amounts = null,
    loading_since = null,
    loaded_at = null,
    has_lost_rows = b.has_lost_rows or (select count(*) > 0 from emptied)
where b.batch_id = $1;
