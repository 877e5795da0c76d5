create schema portal;
comment on schema portal is 'The readers'' portal: who signs in, and as which login they read';

create table portal.account (
    account_id bigint generated always as identity primary key,
    kind text not null check (kind in ('local', 'oidc', 'airflow')),
    name text not null check (name <> '' and (kind = 'airflow' or name = lower(name))),
    login text not null,
    password_hash text,
    failed_count integer not null default 0,
    locked_until timestamptz,
    made_by text not null,
    made_at timestamptz not null default now(),
    signed_in_at timestamptz,
    unique (kind, name, login),
    check ((kind = 'local') = (password_hash is not null))
);
comment on table portal.account is 'Grain: a person who signs in, and a login as which they read';
comment on column portal.account.kind is
'local (a password), oidc (signed in by the identity provider), airflow (signed in to Airflow)';
comment on column portal.account.name is 'The name they sign in with; of kind airflow, the user name there';
comment on column portal.account.login is
'The login of security.login; whoever has an account of one that has left reads nothing';
comment on column portal.account.password_hash is 'argon2id, of kind local';
comment on column portal.account.failed_count is 'Wrong passwords since the last sign-in';
comment on column portal.account.locked_until is 'No password is taken before';
comment on column portal.account.made_by is 'The database user who made it';
comment on column portal.account.signed_in_at is 'The last sign-in';
-- A user of Airflow chooses among logins; whoever signs in to the portal has one.
create unique index account_one_login on portal.account (kind, name) where kind <> 'airflow';

create table portal.session (
    session_hash bytea primary key check (length(session_hash) = 32),
    account_id bigint not null references portal.account on delete cascade,
    created_at timestamptz not null default now(),
    seen_at timestamptz not null default now(),
    expires_at timestamptz not null,
    signed_out_at timestamptz
);
comment on table portal.session is 'Grain: a sign-in to the portal, and how long it lasts';
comment on column portal.session.session_hash is 'SHA-256 of the random text in the cookie';
comment on column portal.session.seen_at is 'The last request, to the minute';
comment on column portal.session.expires_at is 'When it ends, however much it is used';
create index session_of_account on portal.session (account_id);
create index session_expires on portal.session (expires_at);

create table portal.sign_in (
    minute timestamptz not null check (minute = date_trunc('minute', minute, 'UTC')),
    kind text not null,
    name text,
    outcome text not null check (
        outcome in ('signed_in', 'wrong_password', 'locked', 'unknown', 'no_login', 'refused')
    ),
    attempts integer not null default 1,
    unique nulls not distinct (minute, kind, name, outcome)
);
comment on table portal.sign_in is 'Grain: a minute, an account and what came of its sign-ins in it';
comment on column portal.sign_in.name is
'The name of the account; none where there is no such account: a password may have been typed in its place';
comment on column portal.sign_in.outcome is
'signed_in, wrong_password, locked, unknown (no such account), no_login (its login has left), refused (by the
provider)';

-- Who may read, for the portal: security.login says more.
create view portal.reader as
select
    l.login,
    l.role_name,
    l.client,
    l.specialty,
    c.title,
    c.is_internal,
    c.reports
from security.login as l
inner join security.client as c on l.client = c.client
where not l.is_own_role;
comment on view portal.reader is 'The logins of people, their database roles, and the reports of each';

-- The role of the portal's process. A server may have it already, for production's login or for another warehouse,
-- whose owner alone may then let others end its sessions. Its rights are given at the end of each upgrade, and at each
-- publication.
do $$
begin
    if not exists (select from pg_roles as r where r.rolname = 'claimhouse_portal') then
        create role claimhouse_portal nologin;
    end if;
    if not pg_has_role('claimhouse_portal', 'usage') then
        grant claimhouse_portal to current_user with inherit true, set false;
    end if;
exception
    when duplicate_object or unique_violation then null;
    when insufficient_privilege then
        raise notice 'the guard cannot end sessions of the portal: claimhouse_portal is another owner''s';
end
$$;
