-- Keep a correction, with the open issues of its row. $1 source system, $2 batch, $3 row number, $4 reviewer,
-- $5 reason, $6 the address of its file, $7 the file's content.
with act as (
    insert into quality.review_act (
        kind, source_system, batch_id, row_number, acted_by, reason, path, content
    )
    values ('correct', $1, $2, $3, $4, $5, $6, $7)
    returning act_id, batch_id, row_number
),

linked as (
    insert into quality.acted_issue (issue_id, act_id)
    select
        i.issue_id,
        a.act_id
    from quality.issue as i
    inner join act as a on i.batch_id = a.batch_id and i.row_number = a.row_number
    where i.status = 'open'
)

select a.act_id from act as a;
