-- sqlfluff:templater:jinja:context:is_whole:false
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- After a batch was read again: what is wrong as before stays the issue that it was, waived or not, and what is wrong
-- no more is resolved by the contract. $1 batch, $2 version of the contract. Where the file was not read as a whole,
-- the rows of tried_row were.
with old as (
    select b.*
    from issue_before as b
    {% if not is_whole %}where
        b.row_number in (select t.row_number from tried_row as t)
        -- what is said of the file as a whole, and was looked at again
        or b.rule in ('trailer', 'not_read_again')
    {% endif %}
),

repeated as (
    select distinct on (n.issue_id)
        n.issue_id,
        o.issue_id as old_id,
        n.severity,
        n.message
    from quality.issue as n
    inner join old as o
        on
            n.rule = o.rule
            and coalesce(n.row_number, -1) = coalesce(o.row_number, -1)
            and coalesce(n.column_name, '') = coalesce(o.column_name, '')
            and coalesce(n.sheet_name, '') = coalesce(o.sheet_name, '')
    where
        n.batch_id = $1
        and n.issue_id not in (select b.issue_id from issue_before as b)
        and n.rule not like 'soda:%'
        -- what another version of the contract has resolved is wrong anew
        and not (o.status = 'resolved' and o.closed_by like 'contract %')
    order by n.issue_id asc, o.status = 'open' desc, o.issue_id desc
),

removed as (
    delete from quality.issue as n
    using repeated as r
    where n.issue_id = r.issue_id
),

renewed as (
    update quality.issue as i
    set severity = r.severity, message = r.message
    from repeated as r
    where i.issue_id = r.old_id and (i.severity, i.message) is distinct from (r.severity, r.message)
)

update quality.issue as i
set status = 'resolved', closed_at = now(), closed_by = 'contract ' || left($2, 12)
from old as o
where
    i.issue_id = o.issue_id
    and i.status = 'open'
    and i.issue_id not in (select r.old_id from repeated as r);
