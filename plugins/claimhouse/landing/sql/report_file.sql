-- $1 source system, $2 file name, $3 rule, $4 message. One open issue for a file and rule, which says
-- what was found last: the closest contract may be another one by now.
with told as (
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
where not exists (select from told);
