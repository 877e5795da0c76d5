-- One open issue for each file and rule, with the newest message: the closest contract may have changed.
-- $1 source system, $2 file name, $3 rule, $4 message.
with updated as (
    update quality.issue
    set message = $4
    where
        status = 'open'
        and source_system = $1
        and file_name = $2
        and rule = $3
        and batch_id is null
    returning issue_id
)

insert into quality.issue (source_system, file_name, rule, severity, message)
select
    $1::text as source_system,
    $2::text as file_name,
    $3::text as rule,
    'warning' as severity,
    $4::text as message
where not exists (select from updated);
