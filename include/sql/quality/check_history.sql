-- The outcome of each Soda check in each scan, newest first.
create or replace view quality.check_history as
select
    r.source_system,
    r.feed,
    r.check_name,
    r.checked_at,
    r.outcome,
    lag(r.outcome) over earlier as previous_outcome,
    r.measured_value,
    lag(r.measured_value) over earlier as previous_value,
    r.failing_rows,
    r.severity,
    r.table_name,
    r.batch_id,
    b.received_date,
    b.state as batch_state,
    r.scan_id,
    r.definition
from quality.check_result as r
left join landing.batch as b on r.batch_id = b.batch_id
window
    earlier as (
        partition by r.source_system, r.feed, r.table_name, r.check_name
        order by r.checked_at, r.check_result_id
    )
order by r.checked_at desc, r.check_result_id desc;

comment on view quality.check_history is 'Every outcome of every Soda check, with the previous one';
comment on column quality.check_history.feed is 'Empty for a check of the star';
comment on column quality.check_history.outcome is
'pass, warn, fail, or error where the check could not be run';
comment on column quality.check_history.severity is 'error: a failure holds the batch; warning: it does not';
comment on column quality.check_history.measured_value is 'The value compared with the check''s threshold';
comment on column quality.check_history.failing_rows is 'Number of failing rows, where the check counts them';
comment on column quality.check_history.definition is 'The check in SodaCL, as of that scan';
