-- The batches that an act let go on to the star, by waiving a check of theirs; locked until the transaction ends. $1
-- act, $2 severities that hold a batch.
select
    b.batch_id,
    b.state,
    b.state = 'loaded' or b.loading_since is not null as is_loaded
from landing.batch as b
where
    b.batch_id in (
        select i.batch_id
        from quality.acted_issue as d
        inner join quality.issue as i on d.issue_id = i.issue_id
        where d.act_id = $1 and i.rule like 'soda:%' and i.severity = any($2::text[])
        union all
        select a.batch_id
        from quality.review_act as a
        where a.act_id = $1 and a.kind = 'release'
    )
for update of b;
