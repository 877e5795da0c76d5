{% from "reporting/live.jinja" import is_listed %}
-- The issues of each feed by rule, open and closed, against all rows read of the feed. An issue of the warehouse, or of
-- a file that no contract describes, has no feed and no rate.
with counted as (
    select
        i.source_system,
        i.feed,
        i.rule,
        i.severity,
        sum(i.issues)::bigint as issues,
        coalesce(sum(i.issues) filter (where i.status = 'open'), 0)::bigint as open_issues
    from quality.issue_count as i
    where {{ is_listed("pipeline_issues") }}
    group by i.source_system, i.feed, i.rule, i.severity
),

read as (
    select
        b.source_system,
        b.feed,
        sum(b.rows_read)::bigint as rows_read
    from landing.batch as b
    where not b.is_correction
    group by b.source_system, b.feed
)

select
    c.source_system,
    c.feed,
    c.rule,
    c.severity,
    c.issues,
    c.open_issues,
    r.rows_read,
    round(1000.0 * c.issues / nullif(r.rows_read, 0), 3) as issues_per_1000_rows,
    now() as as_of
from counted as c
left join read as r on c.source_system = r.source_system and c.feed = r.feed
where c.issues > 0
