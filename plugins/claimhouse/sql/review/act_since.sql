-- The newest act on an issue, or on its row, after the act $2. $1 issue.
select
    a.kind,
    a.acted_by,
    a.acted_at
from quality.issue as i
inner join quality.review_act as a
    on
        (i.batch_id, i.row_number) = (a.batch_id, a.row_number)
        or a.act_id in (select d.act_id from quality.acted_issue as d where d.issue_id = i.issue_id)
where i.issue_id = $1 and a.act_id > $2
order by a.act_id desc
limit 1;
