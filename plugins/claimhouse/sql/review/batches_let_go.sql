-- The batches that an act let go on to the star, by waiving a check of theirs; locked until the transaction ends. $1
-- act, $2 severities that hold a batch.
select
    b.batch_id,
    b.state,
    greatest(b.loaded_at, b.loading_since) > a.acted_at as is_loaded
from landing.batch as b
cross join quality.review_act as a
where
    a.act_id = $1
    and (
        b.batch_id = a.batch_id
        or b.batch_id in (
            select i.batch_id
            from quality.acted_issue as d
            inner join quality.issue as i on d.issue_id = i.issue_id
            where d.act_id = $1 and i.rule like 'soda:%' and i.severity = any($2::text[])
        )
    )
for update of b;
