create schema metrics;
comment on schema metrics is 'Governed metrics and their catalog';
create schema reporting;
comment on schema reporting is 'Secured views: all a client role can read';
create schema security;
comment on schema security is 'Who may see what';
create schema delivery;
comment on schema delivery is 'What is sent to whom, and what was';

-- Who may see what. Everything here is written from include/clients/ by each publication.

create table security.client (
    client text primary key,
    title text not null,
    privacy_level text not null check (
        privacy_level in ('aggregate', 'safe_harbor', 'limited', 'identified')
    ),
    reports text[] not null,
    applied_at timestamptz not null default now()
);
comment on table security.client is 'The clients in force, as their files say';

create table security.login (
    login text primary key,
    client text not null references security.client on delete cascade,
    is_own_role boolean not null
);
comment on table security.login is
'The database roles through which a client reads';
comment on column security.login.is_own_role is 'True for the role that writes the extracts, false for a person';

create table security.entitlement (
    login text not null references security.login on delete cascade,
    source_system text not null,
    specialty text not null,
    privacy_level text not null,
    primary key (login, source_system, specialty)
);
comment on table security.entitlement is
'Grain: a role, a source system and a provider specialty whose claims it may see';

create table security.entitlement_history (
    login text not null,
    client text not null,
    source_system text not null,
    specialty text not null,
    privacy_level text not null,
    valid_from timestamptz not null,
    valid_to timestamptz not null default '9999-12-31 00:00+00',
    primary key (login, source_system, specialty, valid_from)
);
comment on table security.entitlement_history is
'Who could see what and when: [valid_from, valid_to); in the year 9999 while it is in force';

create table security.pseudonym_key (
    client text primary key,
    inner_key bytea not null check (length(inner_key) = 64),
    outer_key bytea not null check (length(outer_key) = 64)
);
comment on table security.pseudonym_key is
'The two padded keys of HMAC-SHA256 with which a client''s pseudonyms are made; kept when the client leaves';

-- The one place that asks who is reading: inside a view, current_user is the caller.

create view security.reader as
select
    c.client,
    c.privacy_level,
    k.inner_key,
    k.outer_key
from security.login as l
inner join security.client as c on l.client = c.client
inner join security.pseudonym_key as k on c.client = k.client
where l.login = current_user;

create view security.reader_entitlement as
select
    e.source_system,
    e.specialty
from security.entitlement as e
where e.login = current_user;

create view security.data_as_of as
select
    b.source_system,
    max(b.loaded_at) as as_of
from landing.batch as b
where b.state = 'loaded'
group by b.source_system;
comment on view security.data_as_of is 'How fresh the star is, by source system';

-- The owner of the secured views. It owns no table and cannot bypass row-level security, so a
-- view of its own shows what the policies below let through, and of that only these columns.

do $$
begin
    create role reporting_owner nologin;
exception when duplicate_object then null;  -- roles belong to the server, not to one database
end
$$;

grant usage, create on schema reporting to reporting_owner;
grant usage on schema star, security to reporting_owner;
grant select on security.reader, security.reader_entitlement, security.data_as_of to reporting_owner;
grant select (
    source_system, claim_id, patient_key, provider_key, claim_profile_key, service_date,
    total_cost, covered_amount
) on star.fact_claim to reporting_owner;
grant select (patient_key, source_system, patient_id, city, state) on star.dim_patient to reporting_owner;
grant select (provider_key, source_system, specialty) on star.dim_provider to reporting_owner;
grant select on star.dim_claim_profile to reporting_owner;

-- Row-level security: it binds every role but a table's owner, who loads it. Each sub-query is
-- uncorrelated, so the server runs it once and looks rows up in a hash table.

alter table star.dim_provider enable row level security;
create policy reporting on star.dim_provider for select to reporting_owner using (
    (source_system, specialty) in (
        select
            e.source_system,
            e.specialty
        from security.reader_entitlement as e
    )
);

alter table star.fact_claim enable row level security;
create policy reporting on star.fact_claim for select to reporting_owner using (
    source_system in (select e.source_system from security.reader_entitlement as e)
    and provider_key in (select p.provider_key from star.dim_provider as p)
);
comment on policy reporting on star.fact_claim is
'The providers are those the policy on dim_provider shows: the caller''s specialties in the caller''s sources';

alter table star.fact_claim_change enable row level security;
create policy reporting on star.fact_claim_change for select to reporting_owner using (
    source_system in (select e.source_system from security.reader_entitlement as e)
    and provider_key in (select p.provider_key from star.dim_provider as p)
);
comment on policy reporting on star.fact_claim_change is 'As on fact_claim, whose earlier versions these are';

alter table star.dim_patient enable row level security;
create policy reporting on star.dim_patient for select to reporting_owner using (
    patient_key < 0
    or source_system in (select e.source_system from security.reader_entitlement as e)
);
comment on policy reporting on star.dim_patient is
'By source alone, so a view must come to its patients through the facts: see docs/decisions/0003';

alter table star.dim_claim_profile enable row level security;
create policy reporting on star.dim_claim_profile for select to reporting_owner using (true);

-- Delivery: what is to be sent, what is on its way, what was disclosed.

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
    is_active boolean not null default true,
    applied_at timestamptz not null default now()
);
comment on table delivery.subscription is
'The subscriptions of include/clients/; inactive once its file drops it';

create table delivery.outbox (
    outbox_id bigint generated always as identity primary key,
    subscription_id text not null references delivery.subscription,
    period timestamptz not null,
    recipient text not null,
    report text not null,
    privacy_level text not null,
    reason text not null,
    state text not null default 'prepared' check (state in ('prepared', 'sending', 'sent', 'failed')),
    message_id text not null unique,
    file_name text not null,
    checksum text not null,
    row_count bigint not null,
    column_names text[] not null,
    as_of timestamptz,
    entitlements jsonb not null,
    attempts integer not null default 0,
    last_error text,
    prepared_at timestamptz not null default now(),
    sending_at timestamptz,
    sent_at timestamptz,
    unique (subscription_id, period, recipient)
);
comment on table delivery.outbox is 'Grain: a subscription, a period and a recipient. One mail each, whatever breaks';
comment on column delivery.outbox.period is 'The tick of the schedule that the extract answers';
comment on column delivery.outbox.entitlements is
'What the client could see when the file was made; a file made under others is not sent';
comment on column delivery.outbox.last_error is 'The kind of the error alone: servers quote what they were sent';

create table delivery.disclosure (
    disclosure_id bigint generated always as identity primary key,
    outbox_id bigint not null unique references delivery.outbox,
    client text not null,
    recipient text not null,
    report text not null,
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

revoke all on function delivery.refuse_change() from public;
