alter table delivery.outbox
add column refusals integer not null default 0,
add column failed_at timestamptz;
comment on column delivery.outbox.refusals is
'How many attempts the server answered and then did not take the mail; CLAIMHOUSE_MAIL_ATTEMPTS of them fail it';
comment on column delivery.outbox.failed_at is
'When the mail was given up; null where it was not, or by a release that did not store it';
comment on column delivery.outbox.state is
'sending: the server may or may not have it; in_doubt: a person must answer; withheld: the report was empty;
refused: nobody approved it; failed: given up, a person must answer';

create table delivery.answer (
    answer_id bigint generated always as identity primary key,
    outbox_id bigint not null references delivery.outbox,
    extract_id bigint not null references delivery.extract,
    question text not null check (question in ('in doubt', 'failed')),
    answer text not null check (answer in ('arrived', 'resend', 'lost')),
    reason text not null check (reason ~ '\S'),
    answered_by text not null check (answered_by ~ '\S'),
    answered_at timestamptz not null default now(),
    transport text not null,
    sending_at timestamptz not null,
    check (question = 'in doubt' or answer <> 'arrived')
);
create index answer_by_mail on delivery.answer (outbox_id);
comment on table delivery.answer is
'What people answered about mails in doubt and failed mails: who, when and why. Never changed, never deleted from';
comment on column delivery.answer.answer is
'arrived: the recipient has it; resend: it did not arrive and is sent again; lost: it did not arrive and is not';
comment on column delivery.answer.extract_id is 'The file of the attempt: a mail that is sent again may get another';
comment on column delivery.answer.sending_at is 'When that attempt was handed to the mail server';
create trigger refuse_change before update or delete or truncate on delivery.answer
for each statement execute function delivery.refuse_change();

-- A notice is repeated until its matter is closed, and counts as sent once the server took it.
alter table delivery.notice
alter column sent_at drop not null,
alter column sent_at drop default,
add column problem text,
add column opened_at timestamptz not null default now();
update delivery.notice set opened_at = sent_at;
comment on table delivery.notice is
'What the owner is notified of. A notice is repeated while the matter is open (delivery.needs_a_person)';
comment on column delivery.notice.problem is 'Why a withheld extract waits; null for other kinds';
comment on column delivery.notice.sent_at is 'When the mail server last took it; null where it never did';

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
    d.extract_id,
    a.answered_by,
    a.reason as answer_reason
from delivery.disclosure as d
left join delivery.answer as a on d.outbox_id = a.outbox_id and a.answer = 'arrived'
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
    e.extract_id,
    null as answered_by,
    null as answer_reason
from delivery.outbox as o
inner join delivery.extract as e on o.extract_id = e.extract_id
inner join delivery.subscription as s on o.subscription_id = s.subscription_id
where o.state in ('sending', 'in_doubt')
union all
select
    a.sending_at as disclosed_at,
    'not sent' as state,
    s.client,
    o.recipient,
    e.report,
    e.format,
    a.transport,
    e.privacy_level,
    o.period,
    e.reason,
    e.column_names,
    e.row_count,
    e.file_name,
    e.checksum,
    e.extract_id,
    a.answered_by,
    a.reason as answer_reason
from delivery.answer as a
inner join delivery.outbox as o on a.outbox_id = o.outbox_id
inner join delivery.extract as e on a.extract_id = e.extract_id
inner join delivery.subscription as s on o.subscription_id = s.subscription_id
where a.question = 'in doubt' and a.answer <> 'arrived';
comment on view delivery.ledger is
'What was sent; what is in doubt until a person answers; and what was in doubt and, as answered, was not sent';

create view delivery.needs_a_person as
with matter as (
    -- A run that is under way holds its mail as sending for minutes.
    select
        'mail in doubt' as kind,
        o.subscription_id,
        o.period,
        o.outbox_id,
        null::bigint as extract_id,
        o.sending_at as since,
        'its server may or may not have taken it' as problem,
        format('in doubt %s', o.outbox_id) as notice,
        format('claimhouse delivery resolve %s arrived|resend|lost --reason "..."', o.outbox_id) as to_do
    from delivery.outbox as o
    where o.state = 'in_doubt' or (o.state = 'sending' and o.sending_at < now() - interval '1 hour')
    union all
    select
        'mail failed' as kind,
        o.subscription_id,
        o.period,
        o.outbox_id,
        null as extract_id,
        coalesce(o.failed_at, o.sending_at, o.period) as since,
        o.last_error as problem,
        format('failed %s', o.outbox_id) as notice,
        format('claimhouse delivery resolve %s resend|lost --reason "..."', o.outbox_id) as to_do
    from delivery.outbox as o
    inner join delivery.subscription as s on o.subscription_id = s.subscription_id
    where
        o.state = 'failed'
        and s.is_active
        and o.recipient = any(s.recipients)
        and not exists (
            select from delivery.answer as a
            where a.outbox_id = o.outbox_id and a.answered_at >= coalesce(o.failed_at, '-infinity')
        )
    union all
    select
        'mail not taken yet' as kind,
        o.subscription_id,
        o.period,
        o.outbox_id,
        null as extract_id,
        e.prepared_at as since,
        o.last_error as problem,
        format('not taken %s', o.outbox_id) as notice,
        'look at the mail server; the mail is sent once it takes it' as to_do
    from delivery.outbox as o
    inner join delivery.extract as e on o.extract_id = e.extract_id
    inner join delivery.subscription as s on o.subscription_id = s.subscription_id
    where o.state = 'prepared' and o.attempts > 0 and s.is_active and o.recipient = any(s.recipients)
    union all
    select
        'approval waiting' as kind,
        e.subscription_id,
        e.period,
        null as outbox_id,
        e.extract_id,
        e.prepared_at as since,
        a.why as problem,
        format('approval %s', e.extract_id) as notice,
        'answer in Airflow: Required Actions of approve_extract' as to_do
    from delivery.approval as a
    inner join delivery.extract as e on a.extract_id = e.extract_id
    inner join delivery.subscription as s on e.subscription_id = s.subscription_id
    where
        a.is_approved is null
        and s.is_active
        and exists (
            select from delivery.outbox as o
            where o.extract_id = e.extract_id and o.state = 'prepared' and o.recipient = any(s.recipients)
        )
    union all
    select
        'extract withheld' as kind,
        n.subscription_id,
        n.period,
        null as outbox_id,
        null as extract_id,
        n.opened_at as since,
        n.problem,
        n.kind as notice,
        'fix the load or the publication; the extract is then sent' as to_do
    from delivery.notice as n
    inner join delivery.subscription as s on n.subscription_id = s.subscription_id
    where
        n.kind = 'withheld'
        and s.is_active
        and not exists (
            select from delivery.outbox as o
            where o.subscription_id = n.subscription_id and o.period >= n.period
        )
        and not exists (
            select from delivery.notice as m
            where m.subscription_id = n.subscription_id and m.kind = n.kind and m.period > n.period
        )
    union all
    select
        'deliveries on hold' as kind,
        s.subscription_id,
        null as period,
        null as outbox_id,
        null as extract_id,
        coalesce(h.held_at, s.applied_at) as since,
        coalesce(s.hold_reason, h.reason) as problem,
        null as notice,
        case
            when s.hold_reason is null then format('claimhouse delivery release %s', s.client)
            else 'take hold out of the client file, and publish'
        end as to_do
    from delivery.subscription as s
    left join delivery.hold as h on s.client = h.client and h.released_at is null
    where s.is_active and coalesce(s.hold_reason, h.reason) is not null
)

select
    m.kind,
    s.client,
    m.subscription_id,
    m.period,
    m.outbox_id,
    m.extract_id,
    m.since,
    m.problem,
    m.to_do,
    n.sent_at as notified_at,
    m.notice
from matter as m
inner join delivery.subscription as s on m.subscription_id = s.subscription_id
-- A mail that is in doubt, or fails, for the second time is another matter.
left join delivery.notice as n
    on
        m.subscription_id = n.subscription_id
        and m.period = n.period
        and m.notice = n.kind
        and m.since <= n.sent_at;
comment on view delivery.needs_a_person is
'What deliveries wait for, and since when. Holds no recipient. The owner is mailed again while it is open';
comment on column delivery.needs_a_person.notified_at is
'When the mail server last took a notice of it; null where never';
comment on column delivery.needs_a_person.notice is 'Its kind in delivery.notice; null where the owner is not mailed';
