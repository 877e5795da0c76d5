drop view delivery.needs_a_person;
drop view delivery.ledger;
create view delivery.ledger as
select
    d.disclosed_at,
    'sent' as state,
    d.client,
    d.recipient,
    d.report,
    d.format,
    d.transport,
    d.privacy_level,
    d.period,
    d.reason,
    d.column_names,
    d.row_count,
    d.file_name,
    d.checksum,
    d.extract_id
from delivery.disclosure as d
union all
select
    o.sending_at as disclosed_at,
    'in doubt' as state,
    s.client,
    o.recipient,
    e.report,
    e.format,
    o.transport,
    e.privacy_level,
    o.period,
    e.reason,
    e.column_names,
    e.row_count,
    e.file_name,
    e.checksum,
    e.extract_id
from delivery.outbox as o
inner join delivery.extract as e on o.extract_id = e.extract_id
inner join delivery.subscription as s on o.subscription_id = s.subscription_id
where o.state in ('sending', 'in_doubt');
comment on view delivery.ledger is
'What was sent, and what must be taken for sent because nobody knows';

-- The earlier release sends again what was not sent yet.
delete from delivery.notice where sent_at is null;
alter table delivery.notice
alter column sent_at set not null,
alter column sent_at set default now(),
drop column problem,
drop column opened_at;
comment on table delivery.notice is 'The notices the owner was sent, so that each is sent once';

drop table delivery.answer;
alter table delivery.outbox
drop column refusals,
drop column failed_at;
comment on column delivery.outbox.state is
'sending: the server may or may not have it; in_doubt: a person must say; withheld: the report was empty;
refused: nobody approved it; failed: the server will never take it';
