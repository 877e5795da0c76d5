-- Between which numbers issues of an age are: numbers follow the time but for transactions, none of which takes a day.
-- $1 from when, $2 until when.
select
    coalesce((
        select i.issue_id
        from quality.issue as i
        where i.created_at < $1::timestamptz - interval '1 day'
        order by i.created_at desc
        limit 1
    ), 0) as least,
    coalesce((
        select i.issue_id
        from quality.issue as i
        where i.created_at >= $2::timestamptz + interval '1 day'
        order by i.created_at
        limit 1
    ), 4611686018427387904) as below;
