-- What a client's file holds was kept with its subscriptions alone; a client without one may be mailed dashboards.
alter table security.client add column hold_reason text;
comment on column security.client.hold_reason is
'Why its file holds all deliveries to it; null where it does not';

alter table delivery.subscription
add column mailing_id bigint unique,
add column login text,
add column person text,
add column filters jsonb,
add column starts_at timestamptz,
add constraint subscription_of_a_dashboard check (
    num_nulls(mailing_id, login, person, filters, starts_at) in (0, 5)
);
comment on table delivery.subscription is
'The subscriptions of include/clients/, inactive once its file drops it; and the approved dashboards by mail, inactive
once somebody stops them';
comment on column delivery.subscription.report is 'The report; the dashboard, where there is a mailing_id';
comment on column delivery.subscription.mailing_id is
'The row of portal.mailing that is mailed; null of a subscription of a file';
comment on column delivery.subscription.login is
'As which a dashboard is read; null of a file''s, which is read as the client''s own';
comment on column delivery.subscription.person is 'Who asked for it';
comment on column delivery.subscription.filters is 'The filters of a dashboard, as pairs of name and value';
comment on column delivery.subscription.starts_at is
'The first moment of the day on which a dashboard was approved: no period before it is due';

comment on table delivery.notice is
'What the owner is notified of. A notice is repeated while the matter is open (delivery.needs_a_person). One of the kind
not mailed is removed once the dashboard may be mailed again';
comment on column delivery.notice.problem is
'Why a withheld extract waits, or a dashboard is not mailed; null for other kinds';

alter table portal.mailing
add column time_zone text not null default 'UTC',
add constraint mailing_approved_by_another check (is_approved is not true or lower(decided_by) <> lower(person));
comment on column portal.mailing.time_zone is 'Whose Monday it is: the time zone of its reader when it was asked for';

-- The approved mail as a subscription, from its approval until it is stopped. What was asked for or decided is not
-- changed any more.
create function portal.subscribe() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare
    client_name text;
begin
    if tg_op <> 'INSERT' and (tg_op = 'DELETE' or new.ended_at is not null) then
        update delivery.subscription set is_active = false where mailing_id = old.mailing_id;
    end if;
    if tg_op = 'DELETE' then
        return null;
    end if;
    if tg_op = 'UPDATE' and (
        (
            new.mailing_id, new.asked_at, new.login, new.person, new.dashboard, new.filters, new.format, new.weekday,
            new.recipient, new.time_zone
        ) is distinct from (
            old.mailing_id, old.asked_at, old.login, old.person, old.dashboard, old.filters, old.format, old.weekday,
            old.recipient, old.time_zone
        )
        or old.is_approved is not null
        and (new.is_approved, new.decided_at, new.decided_by, new.reason)
        is distinct from (old.is_approved, old.decided_at, old.decided_by, old.reason)
        or old.ended_at is not null
        and (new.ended_at, new.ended_by) is distinct from (old.ended_at, old.ended_by)
    ) then
        raise exception 'what was asked for or decided about a mail is not changed';
    end if;
    if new.is_approved and new.ended_at is null then
        select l.client into client_name from security.login as l where l.login = new.login and not l.is_own_role;
        if client_name is null then
            raise exception 'nobody reads as this login';
        end if;
        insert into delivery.subscription (
            subscription_id, client, report, format, schedule, time_zone, recipients, transport, reason,
            detail, when_empty, approve_first, mailing_id, login, person, filters, starts_at
        )
        values (
            format('%s.%s-%s', client_name, new.dashboard, new.mailing_id),
            client_name,
            new.dashboard,
            new.format,
            format('0 6 * * %s', new.weekday),
            new.time_zone,
            array[new.recipient],
            'attachment',
            format('dashboard asked for by %s, approved by %s', new.person, new.decided_by),
            true,
            'send',
            false,
            new.mailing_id,
            new.login,
            new.person,
            new.filters,
            date_trunc('day', new.decided_at at time zone new.time_zone) at time zone new.time_zone
        )
        on conflict (mailing_id) do nothing;
    end if;
    return null;
end
$$;
revoke all on function portal.subscribe() from public;
create trigger subscribe after insert or update or delete on portal.mailing
for each row execute function portal.subscribe();

update portal.mailing set is_approved = is_approved
where is_approved and ended_at is null and login in (select l.login from security.login as l where not l.is_own_role);

create or replace view delivery.needs_a_person as
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
        'dashboard not mailed' as kind,
        n.subscription_id,
        n.period,
        null as outbox_id,
        null as extract_id,
        n.opened_at as since,
        n.problem,
        n.kind as notice,
        'remove the cause, and it is mailed; or stop it on the page /claimhouse/mailings' as to_do
    from delivery.notice as n
    inner join delivery.subscription as s on n.subscription_id = s.subscription_id
    where
        n.kind = 'not mailed'
        and s.is_active
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
        coalesce(s.hold_reason, c.hold_reason, h.reason) as problem,
        null as notice,
        case
            when coalesce(s.hold_reason, c.hold_reason) is null
                then format('claimhouse delivery release %s', s.client)
            else 'take hold out of the client file, and publish'
        end as to_do
    from delivery.subscription as s
    left join security.client as c on s.client = c.client
    left join delivery.hold as h on s.client = h.client and h.released_at is null
    where s.is_active and coalesce(s.hold_reason, c.hold_reason, h.reason) is not null
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

-- For the pages, which may not read what is delivered.
create view portal.mailed as
select
    s.mailing_id,
    s.subscription_id,
    s.schedule,
    s.time_zone,
    s.starts_at,
    (
        select max(o.sent_at)
        from delivery.outbox as o
        where o.subscription_id = s.subscription_id and o.state = 'sent'
    ) as last_sent_at,
    -- What waits may still be sent.
    (
        select max(o.period)
        from delivery.outbox as o
        where o.subscription_id = s.subscription_id and o.state <> 'prepared'
    ) as last_period,
    (
        select string_agg(format('%s: %s', p.kind, p.problem), '; ' order by p.since)
        from delivery.needs_a_person as p
        where p.subscription_id = s.subscription_id
    ) as problem
from delivery.subscription as s
where s.mailing_id is not null;
comment on view portal.mailed is
'Grain: an approved dashboard by mail. When it was sent last, and what it waits for';
comment on column portal.mailed.last_period is 'The newest tick of its schedule that is dealt with';
comment on column portal.mailed.problem is 'What delivery.needs_a_person says of it; null where nothing';
