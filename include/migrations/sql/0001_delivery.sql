create schema delivery;
comment on schema delivery is 'What is sent to whom, and what was';

create table delivery.subscription (
    subscription_id text primary key,
    client text not null,
    report text not null,
    format text not null,
    schedule text not null,
    time_zone text not null,
    recipients text[] not null,
    transport text not null,
    reason text not null,
    detail boolean not null,
    when_empty text not null check (when_empty in ('send', 'withhold')),
    approve_first boolean not null,
    approve_ratio numeric check (approve_ratio > 1),
    hold_reason text,
    is_active boolean not null default true,
    applied_at timestamptz not null default now()
);
comment on table delivery.subscription is
'The subscriptions of include/clients/; inactive once its file drops it';
comment on column delivery.subscription.detail is 'False where the file holds the summary alone';
comment on column delivery.subscription.approve_ratio is
'A person approves the extract whose rows are more than this many times, or less than this part of, the last sent';
comment on column delivery.subscription.hold_reason is
'Why the client''s file holds all its deliveries; null where it does not';

create table delivery.hold (
    hold_id bigint generated always as identity primary key,
    client text not null,
    reason text not null,
    held_by text not null,
    held_at timestamptz not null default now(),
    released_by text,
    released_at timestamptz
);
create unique index hold_in_force on delivery.hold (client) where released_at is null;
comment on table delivery.hold is 'The switch by which an operator stops all deliveries to a client, and its history';

create table delivery.extract (
    extract_id bigint generated always as identity primary key,
    subscription_id text not null references delivery.subscription,
    period timestamptz not null,
    report text not null,
    format text not null,
    privacy_level text not null,
    reason text not null,
    file_name text not null,
    checksum text not null,
    size_bytes bigint not null,
    row_count bigint not null,
    column_names text[] not null,
    as_of timestamptz,
    entitlements jsonb not null,
    object_key text,
    links_expire_at timestamptz,
    prepared_at timestamptz not null default now()
);
comment on table delivery.extract is
'Grain: a file made for a subscription and a period. Made anew where the first was lost or would show too much';
comment on column delivery.extract.row_count is
'How many rows the file shows: of the report, or of its summary where it holds that alone';
comment on column delivery.extract.entitlements is
'What the client could see when the file was made; a file made under others is not sent';
comment on column delivery.extract.object_key is 'Where the file lies for download; null where it was only attached';
comment on column delivery.extract.links_expire_at is 'When the last link to it dies; the object goes then';

create table delivery.extract_patient (
    extract_id bigint not null references delivery.extract,
    patient_pseudonym uuid not null,
    primary key (patient_pseudonym, extract_id)
);
comment on table delivery.extract_patient is
'Grain: a file and a patient whose row it holds. 32 bytes each; a file of counts alone has none';
comment on column delivery.extract_patient.patient_pseudonym is 'As the file''s client knows the patient';

create table delivery.approval (
    extract_id bigint primary key references delivery.extract,
    why text not null,
    previous_row_count bigint,
    asked_at timestamptz,
    decided_at timestamptz,
    decided_by text,
    is_approved boolean
);
comment on table delivery.approval is
'The files a person must approve before they are sent; is_approved is null until then';

create table delivery.outbox (
    outbox_id bigint generated always as identity primary key,
    subscription_id text not null references delivery.subscription,
    period timestamptz not null,
    recipient text not null,
    extract_id bigint references delivery.extract,
    state text not null check (
        state in ('prepared', 'sending', 'in_doubt', 'sent', 'failed', 'withheld', 'refused')
    ),
    message_id text not null unique,
    server_id text,
    attempts integer not null default 0,
    last_error text,
    sending_at timestamptz,
    sent_at timestamptz,
    unique (subscription_id, period, recipient),
    check (extract_id is not null or state = 'withheld')
);
comment on table delivery.outbox is 'Grain: a subscription, a period and a recipient. One mail each, whatever breaks';
comment on column delivery.outbox.period is 'The tick of the schedule that the extract answers';
comment on column delivery.outbox.state is
'sending: the server may or may not have it; in_doubt: a person must say; withheld: the report was empty;
refused: nobody approved it; failed: the server will never take it';
comment on column delivery.outbox.server_id is 'What the mail server calls the mail, where it tells';
comment on column delivery.outbox.last_error is 'The kind of the error alone: servers quote what they were sent';

create table delivery.notice (
    subscription_id text not null,
    period timestamptz not null,
    kind text not null,
    told_at timestamptz not null default now(),
    primary key (subscription_id, period, kind)
);
comment on table delivery.notice is 'What the owner was told, so that it is told once';

create table delivery.published (
    source_system text primary key,
    as_of timestamptz not null
);
comment on table delivery.published is
'The state of each source that the newest publication brought to the readers';

create table delivery.disclosure (
    disclosure_id bigint generated always as identity primary key,
    outbox_id bigint not null unique references delivery.outbox,
    extract_id bigint not null references delivery.extract,
    client text not null,
    recipient text not null,
    report text not null,
    format text not null,
    transport text not null,
    privacy_level text not null,
    period timestamptz not null,
    reason text not null,
    column_names text[] not null,
    row_count bigint not null,
    file_name text not null,
    checksum text not null,
    as_of timestamptz,
    entitlements jsonb not null,
    message_id text not null,
    disclosed_at timestamptz not null default now()
);
comment on table delivery.disclosure is
'The ledger: who was sent what, when and why. Never changed, never deleted from';

create function delivery.refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the disclosure ledger is never changed';
end
$$;
create trigger refuse_change before update or delete or truncate on delivery.disclosure
for each statement execute function delivery.refuse_change();
create trigger refuse_change before update or delete or truncate on delivery.extract_patient
for each statement execute function delivery.refuse_change();

revoke all on function delivery.refuse_change() from public;

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
comment on view delivery.ledger is
'What was sent, and what must be taken for sent because nobody knows';
