-- Who asks to be mailed a dashboard each week, and what a person decides about it.
create table portal.mailing (
    mailing_id bigint generated always as identity primary key,
    asked_at timestamptz not null default clock_timestamp(),
    login text not null,
    person text not null,
    dashboard text not null,
    filters jsonb not null check (jsonb_typeof(filters) = 'array'),
    format text not null check (format in ('pdf', 'xlsx')),
    weekday smallint not null check (weekday between 1 and 7),
    recipient text not null check (recipient <> ''),
    decided_at timestamptz,
    decided_by text,
    is_approved boolean,
    reason text,
    ended_at timestamptz,
    ended_by text,
    check ((decided_at is null) = (is_approved is null)),
    check ((decided_at is null) = (decided_by is null)),
    check ((ended_at is null) = (ended_by is null)),
    check (ended_at is null or is_approved)
);
comment on table portal.mailing is
'Grain: a dashboard that a person asks to be mailed each week. Nothing is mailed before somebody else approves it';
comment on column portal.mailing.login is 'The login of security.login as which it is read';
comment on column portal.mailing.person is 'The name of who was signed in';
comment on column portal.mailing.filters is
'The filters as pairs of name and value, as an address has them; none by a value that could be about one person';
comment on column portal.mailing.weekday is '1 is Monday, 7 is Sunday';
comment on column portal.mailing.recipient is 'An address that the file of its reader has';
comment on column portal.mailing.is_approved is 'Null until somebody decides';
comment on column portal.mailing.reason is 'Why it was refused';
comment on column portal.mailing.ended_at is 'When somebody stopped it after it was approved';
create index mailing_login on portal.mailing (login, mailing_id);
