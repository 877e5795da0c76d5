-- What waits for a person, the oldest first: held batches, files that nobody recognizes, rejected files, new issues,
-- and what deliveries wait for.
create or replace view quality.needs_a_person as
select
    'batch held' as kind,
    h.source_system,
    h.feed,
    h.file_name as subject,
    1::bigint as things,
    h.held_since as since,
    h.why as problem,
    case
        when h.why like '%could not be run%'
            then format('mend include/soda/%s/%s.yml, and the next run checks the batch again', h.source_system, h.feed)
        else format('claimhouse review release %s --reason "..."', h.batch_id)
    end as to_do
from quality.held_batches as h
union all
select
    'file not recognized' as kind,
    i.source_system,
    i.feed,
    i.file_name as subject,
    1::bigint as things,
    i.created_at as since,
    i.message as problem,
    'write a contract for it, or move it to the right folder' as to_do
from quality.issue as i
where i.status = 'open' and i.batch_id is null and i.row_number is null and i.feed is null and i.file_name is not null
union all
select
    'file rejected' as kind,
    b.source_system,
    b.feed,
    f.file_name as subject,
    1::bigint as things,
    min(i.created_at) as since,
    string_agg(distinct i.message, ' ') as problem,
    format(
        'mend include/schemas/%s/%s.yaml, and the next run reads the file again; or ask its sender for another',
        b.source_system, b.feed
    ) as to_do
from quality.issue as i
inner join landing.batch as b on i.batch_id = b.batch_id and b.state = 'rejected'
inner join landing.file as f on b.file_id = f.file_id
where i.status = 'open'
group by b.batch_id, f.file_id
union all
select
    'new issues' as kind,
    i.source_system,
    i.feed,
    i.rule as subject,
    count(*) as things,
    min(i.created_at) as since,
    min(i.severity) as problem,
    'look at quality.record_issues' as to_do
from quality.issue as i
where
    i.status = 'open'
    and i.created_at > now() - interval '1 day'
    -- those of files that nobody recognizes, and of rejected ones, are above
    and not (i.batch_id is null and i.row_number is null and i.feed is null and i.file_name is not null)
    and not exists (select from landing.batch as b where b.batch_id = i.batch_id and b.state = 'rejected')
group by i.source_system, i.feed, i.rule
union all
select
    d.kind,
    null as source_system,
    null as feed,
    d.subscription_id as subject,
    1::bigint as things,
    d.since,
    d.problem,
    d.to_do
from delivery.needs_a_person as d
order by since;

comment on view quality.needs_a_person is 'What waits for a person, the oldest first. Holds no value of a row';
comment on column quality.needs_a_person.kind is
'batch held, file not recognized, file rejected, new issues, or what delivery.needs_a_person says';
comment on column quality.needs_a_person.subject is 'The file, the rule or the subscription';
comment on column quality.needs_a_person.things is 'How many: of new issues their number';
comment on column quality.needs_a_person.to_do is 'A command, or what to do';
