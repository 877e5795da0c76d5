-- The newest act on an issue, or on its row, after the act $2 and none of $3. $1 issue.
select
    a.kind,
    a.acted_by,
    a.acted_at
from quality.review_act as a
where
    a.act_id in (
        select d.act_id from quality.acted_issue as d
        where d.issue_id = $1
        union all
        select r.act_id
        from quality.issue as i
        inner join quality.review_act as r on i.batch_id = r.batch_id and i.row_number = r.row_number
        where i.issue_id = $1
    )
    and a.act_id > $2
    and a.act_id <> all($3::bigint[])
order by a.act_id desc
limit 1;
