alter table delivery.outbox add column transport text;
comment on column delivery.outbox.transport is
'How the file was sent, stored when the mail was last handed to the server; null where it never was.
unknown: handed over by a release that did not store it';

-- The ledger has the transport of what was sent. Of a mail that is being sent, or is in doubt, it said
-- link where the file had an object. Of an attempt that failed nothing was kept.
update delivery.outbox as o
set
    transport = case
        when o.state = 'sent'
            then (select d.transport from delivery.disclosure as d where d.outbox_id = o.outbox_id)
        when o.state in ('sending', 'in_doubt')
            then (
                select case when e.object_key is null then 'attachment' else 'link' end
                from delivery.extract as e
                where e.extract_id = o.extract_id
            )
        else 'unknown'
    end
where o.sending_at is not null;

-- A mail that its server has, or may have, went by some transport.
update delivery.outbox set transport = 'unknown'
where state in ('sending', 'in_doubt', 'sent') and transport is null;
alter table delivery.outbox add constraint outbox_transport_check
check (transport is not null or state not in ('sending', 'in_doubt', 'sent'));

create or replace view delivery.ledger as
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

alter table delivery.notice rename column told_at to sent_at;
comment on table delivery.notice is 'The notices the owner was sent, so that each is sent once';
comment on column delivery.extract.object_key is
'The key of the file''s object in the bucket; null where it was only attached';
comment on column delivery.extract.links_expire_at is
'When the last link expires; the object is removed then, and this is null again';
