-- One open issue for each file and rule, with the newest message: the closest contract may have changed.
-- One that a person waived is not reported again while the message is the same. $1 source system, $2 file name, $3
-- rule, $4 message.
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
where
    not exists (select from updated)
    and not exists (
        select from quality.issue as i
        where
            i.source_system = $1
            and coalesce(i.feed, '') = ''
            and i.rule = $3
            and i.status = 'waived'
            and i.file_name = $2
            and i.message = $4
            and i.batch_id is null
            and i.rule in ('unclaimed_file', 'cannot_be_read', 'not_a_plain_file', 'no_number_in_name')
    );
