alter table delivery.notice rename column sent_at to told_at;

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
    case when e.object_key is null then 'attachment' else 'link' end as transport,
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

-- What was sent keeps its transport in delivery.disclosure.
alter table delivery.outbox drop column transport;
