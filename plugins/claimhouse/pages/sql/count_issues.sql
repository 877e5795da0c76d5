-- sqlfluff:templater:jinja:context:by_batch:
-- noqa: disable=LT02,ST05
-- How many of the newest issues that match there are of each kind. $1 source systems, $2 batches, $3 a part of the
-- file's name, in lower case, $4 least number, $5 below which number, $6 created from, $7 created before, $8 a part of
-- the message, in lower case, $9 how many are counted.
with found as (
{% if by_batch %}
    select n.*
    from unnest($2::bigint[]) as b (batch_id)
    cross join lateral (
        select i.*
        from quality.issue as i
        where i.batch_id = b.batch_id
        order by i.issue_id desc
        limit $9
    ) as n
    union all
    select i.*
    from quality.issue as i
    where i.batch_id is null and strpos(lower(i.file_name), $3) > 0
{% else %}
    select i.*
    from quality.issue as i
    where $2::bigint[] is not null and ($3::text is null or true)
{% endif %}
),

counted as (
    select
        f.source_system,
        f.feed,
        f.rule,
        f.severity,
        f.status
    from found as f
    where
        f.source_system = any($1)
        and f.issue_id >= $4
        and f.issue_id < $5
        and ($6::timestamptz is null or f.created_at >= $6)
        and ($7::timestamptz is null or f.created_at < $7)
        and ($8::text is null or strpos(lower(f.message), $8) > 0)
    order by f.issue_id desc
    limit $9
)

select
    c.source_system,
    c.feed,
    c.rule,
    c.severity,
    c.status,
    count(*) as issues
from counted as c
group by c.source_system, c.feed, c.rule, c.severity, c.status;
