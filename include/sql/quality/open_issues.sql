-- Open issues by feed and rule: the first thing to look at.
create or replace view quality.open_issues as
with counted as (
    select
        i.source_system,
        i.feed,
        i.rule,
        i.severity,
        i.batch_id,
        count(*) as issues,
        count(distinct i.row_number) as rows_concerned,
        min(i.created_at) as first_seen_at,
        max(i.created_at) as last_seen_at
    from quality.issue as i
    where i.status = 'open'
    group by i.source_system, i.feed, i.rule, i.severity, i.batch_id
)

select
    c.source_system,
    c.feed,
    c.rule,
    c.severity,
    sum(c.issues)::bigint as issues,
    sum(c.rows_concerned)::bigint as rows_concerned,
    count(c.batch_id) as batches,
    sum(b.rows_read)::bigint as rows_read,
    round(100 * sum(c.rows_concerned) / nullif(sum(b.rows_read), 0), 2) as percent_of_rows,
    min(c.first_seen_at) as first_seen_at,
    max(c.last_seen_at) as last_seen_at
from counted as c
left join landing.batch as b on c.batch_id = b.batch_id
group by c.source_system, c.feed, c.rule, c.severity
order by c.severity, sum(c.issues) desc;

comment on view quality.open_issues is 'Open issues by source, feed, rule and severity';
comment on column quality.open_issues.feed is 'Null for an issue of the star, or of a file without a contract';
comment on column quality.open_issues.rule is
'soda:<name> is a check of the batch or the star, any other a rule of the contract';
comment on column quality.open_issues.severity is
'error: the row, file or batch is kept out; warning: it is loaded, without the bad value';
comment on column quality.open_issues.issues is 'Number of issues: a row with two bad fields has two';
comment on column quality.open_issues.rows_concerned is 'Rows with such an issue';
comment on column quality.open_issues.batches is 'Batches with such an issue';
comment on column quality.open_issues.rows_read is 'Rows read in those batches';
comment on column quality.open_issues.percent_of_rows is 'rows_concerned as a percentage of rows_read';
comment on column quality.open_issues.first_seen_at is 'When the oldest issue was found';
comment on column quality.open_issues.last_seen_at is 'When the newest issue was found';
