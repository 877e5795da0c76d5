-- Rows and issues of each batch, oldest first: is a feed getting better or worse?
create or replace view quality.issues_by_batch as
with counted as (
    select
        i.batch_id,
        count(*) as issues,
        count(*) filter (where i.severity = 'error') as errors,
        count(*) filter (where i.severity = 'warning') as warnings,
        count(*) filter (where i.status = 'open') as open_issues,
        count(distinct i.row_number) as rows_concerned
    from quality.issue as i
    group by i.batch_id
)

select
    b.source_system,
    b.feed,
    b.received_date,
    b.batch_id,
    f.file_name,
    b.state,
    b.rows_read,
    b.rows_accepted,
    b.rows_quarantined,
    b.rows_dropped,
    coalesce(c.issues, 0) as issues,
    coalesce(c.errors, 0) as errors,
    coalesce(c.warnings, 0) as warnings,
    coalesce(c.open_issues, 0) as open_issues,
    coalesce(c.rows_concerned, 0) as rows_concerned,
    round(100.0 * coalesce(c.rows_concerned, 0) / nullif(b.rows_read, 0), 2) as percent_of_rows
from landing.batch as b
inner join landing.file as f on b.file_id = f.file_id
left join counted as c on b.batch_id = c.batch_id
order by b.source_system, b.feed, b.batch_id;

comment on view quality.issues_by_batch is 'Each batch with its rows and issues, also batches without issues';
comment on column quality.issues_by_batch.state is
'landed, verified, rejected, checked, held (a Soda check failed) or loaded (in the star)';
comment on column quality.issues_by_batch.issues is 'Number of issues, open or closed';
comment on column quality.issues_by_batch.rows_concerned is 'Rows with an issue';
comment on column quality.issues_by_batch.percent_of_rows is 'rows_concerned as a percentage of rows_read';
