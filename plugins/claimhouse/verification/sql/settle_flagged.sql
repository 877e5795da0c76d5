-- Close the issues of accepted rows that the contract has resolved, where the value is the one that was loaded. $1
-- batch, $2 version of the contract.
update quality.issue as i
set status = 'resolved', closed_at = now(), closed_by = 'contract ' || left($2, 12)
from reread_row as n
inner join {{ schema }}.{{ feed }} as t on t.batch_id = $1 and n.row_number = t.row_number
where
    i.batch_id = $1
    and i.status = 'open'
    and i.row_number = n.row_number
    and i.issue_id in (select b.issue_id from issue_before as b)
    and i.rule <> 'identical_transaction'
    and case
        when strpos(coalesce(i.column_name, '|'), '|') > 0 then to_jsonb(n) = to_jsonb(t)
        else to_jsonb(n) -> i.column_name is not distinct from to_jsonb(t) -> i.column_name
    end
    and not exists (
        select from reread_issue as r
        where
            r.row_number = i.row_number
            and r.rule = i.rule
            and r.column_name is not distinct from i.column_name
    );
