create schema metrics;
comment on schema metrics is 'Governed metrics and their catalog';
create schema reporting;
comment on schema reporting is 'Secured views: all a client role can read';
create schema security;
comment on schema security is 'Who may see what';

-- Who may see what. Everything here is written from include/clients/ by each publication.

create table security.client (
    client text primary key,
    title text not null,
    is_internal boolean not null default false,
    privacy_level text not null check (
        privacy_level in ('aggregate', 'safe_harbor', 'limited', 'identified')
    ),
    reports text[] not null,
    schemas text[] not null default '{}',
    applied_at timestamptz not null default now()
);
comment on table security.client is
'Who reads, as the files say: the clients of include/clients/ and the internal roles of include/roles.yaml';
comment on column security.client.schemas is
'Of an internal role: what it may read beside its secured views: source, star, metrics';

create table security.login (
    login text primary key,
    client text not null references security.client on delete cascade,
    is_own_role boolean not null,
    specialty text,
    tableau_user text unique deferrable initially deferred
    check (tableau_user = lower(trim(tableau_user)) and tableau_user <> '')
);
comment on table security.login is
'The database roles through which a client reads';
comment on column security.login.is_own_role is 'True for the role that writes the extracts, false for a person';
comment on column security.login.specialty is 'The specialty of a person, which its views show by default';
comment on column security.login.tableau_user is
'The person''s name in Tableau, in small letters: who signs in there under it reads as this login';

create table security.entitlement (
    login text not null references security.login on delete cascade,
    source_system text not null,
    kind text not null check (
        kind in (
            'provider_specialty', 'payer', 'procedure_specialty', 'restricted_specialty', 'every_row', 'feed'
        )
    ),
    value text not null,
    privacy_level text not null,
    primary key (login, source_system, kind, value)
);
comment on table security.entitlement is
'Grain: a role, a source system and one value that opens rows of it';
comment on column security.entitlement.kind is
'provider_specialty, payer, procedure_specialty: rows with this value. every_row: all rows of the source.
feed: the raw rows of a feed. restricted_specialty: opens nothing, but hides no longer what is restricted';

create table security.entitlement_history (
    login text not null,
    client text not null,
    source_system text not null,
    kind text not null,
    value text not null,
    privacy_level text not null,
    valid_from timestamptz not null,
    valid_to timestamptz not null default '9999-12-31 00:00+00',
    primary key (login, source_system, kind, value, valid_from)
);
comment on table security.entitlement_history is
'Who could see what and when: [valid_from, valid_to); in the year 9999 while it is in force.
Reports and schemas stand in it too, as the kinds report and schema';

create table security.pseudonym_key (
    client text primary key,
    inner_key bytea not null check (length(inner_key) = 64),
    outer_key bytea not null check (length(outer_key) = 64)
);
comment on table security.pseudonym_key is
'The two padded keys of HMAC-SHA256 with which a client''s pseudonyms are made; kept when the client leaves';

-- Who reads through Tableau's one login. A row is written once for a server process and never changed.

create table security.binding (
    pid integer not null,
    backend_start timestamptz not null,
    tableau_user text not null,
    bound_at timestamptz not null default now(),
    bound_in xid8 not null default pg_current_xact_id(),
    primary key (pid, backend_start)
);
comment on table security.binding is 'Grain: a session of tableau_service, and the Tableau user for whom it reads';

create function security.bind(tableau_user text) returns text
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    if session_user <> 'tableau_service' then
        raise exception 'only the login of Tableau is bound' using errcode = 'insufficient_privilege';
    end if;
    insert into security.binding (pid, backend_start, tableau_user)
    select
        pg_backend_pid(),
        a.backend_start,
        coalesce(lower(trim(bind.tableau_user)), '')
    from pg_stat_get_activity(pg_backend_pid()) as a;
    return 'bound';
exception
    when unique_violation then
        raise exception 'this session is bound already' using errcode = 'insufficient_privilege';
end
$$;
comment on function security.bind is
'The Initial SQL of a Tableau data source: select security.bind([TableauServerUser])';
revoke all on function security.bind from public;

-- The one place that asks who is reading. Inside a view, current_user is the caller; the login of
-- Tableau reads as the person whom its session was bound to, and as nobody before that.

create view security.reader as
select
    l.login,
    l.specialty,
    c.client,
    c.is_internal,
    c.privacy_level,
    c.reports,
    k.inner_key,
    k.outer_key
from security.login as l
inner join security.client as c on l.client = c.client
inner join security.pseudonym_key as k on c.client = k.client
where
    case
        when current_user = 'tableau_service'
            then l.tableau_user = (
                select b.tableau_user
                from security.binding as b
                inner join pg_stat_get_activity(pg_backend_pid()) as a
                    on b.pid = a.pid and b.backend_start = a.backend_start
                -- It counts once it can no longer be rolled back and made anew for somebody else.
                where b.bound_in is distinct from pg_current_xact_id_if_assigned()
            )
        else l.login = current_user
    end;

create view security.reader_report as
select
    x.report,
    r.login,
    r.specialty,
    r.client,
    r.is_internal,
    r.privacy_level,
    r.inner_key,
    r.outer_key
from security.reader as r
cross join unnest(r.reports) as x (report);
comment on view security.reader_report is
'The secured views the reader''s file names. Each of them joins this: a grant alone opens none';

create view security.reader_entitlement as
-- Whoever owns the star reads all of it anyway; without this the metrics would be empty for them.
with of_the_owner as (
    select
        'every_row' as kind,
        '*' as value
    union
    select
        'restricted_specialty' as kind,
        p.specialty as value
    from star.dim_procedure as p
    where p.is_restricted
)

select
    e.source_system,
    e.kind,
    e.value
from security.entitlement as e
inner join security.reader as r on e.login = r.login
union all
select distinct
    b.source_system,
    o.kind,
    o.value
from landing.batch as b
cross join of_the_owner as o
where pg_has_role(current_user, (select n.nspowner from pg_namespace as n where n.nspname = 'star'), 'usage');

-- What the reader's entitlements come to, as keys of the star.

create view security.reader_provider as
select p.provider_key
from star.dim_provider as p
inner join security.reader_entitlement as e
    on p.source_system = e.source_system and p.specialty = e.value
where e.kind = 'provider_specialty';

create view security.reader_payer as
select p.payer_key
from star.dim_payer as p
inner join security.reader_entitlement as e
    on p.source_system = e.source_system and p.payer_name = e.value
where e.kind = 'payer';

create view security.reader_procedure as
select p.procedure_key
from star.dim_procedure as p
inner join security.reader_entitlement as e
    on p.source_system = e.source_system and p.specialty = e.value
where e.kind = 'procedure_specialty';

create view security.hidden_procedure as
select p.procedure_key
from star.dim_procedure as p
where
    p.is_restricted
    and not exists (
        select
        from security.reader_entitlement as e
        where
            e.kind = 'restricted_specialty' and e.source_system = p.source_system and e.value = p.specialty
    );

-- An encounter in which anything restricted was done is itself restricted: its cost less that of the
-- procedures one may see would tell of the others.
create view security.restricted_encounter as
select
    f.source_system,
    f.encounter_id,
    p.specialty
from star.fact_procedure as f
inner join star.dim_procedure as p on f.procedure_key = p.procedure_key
where p.is_restricted
union
select
    f.source_system,
    f.encounter_id,
    f.specialty
from star.fact_encounter as f
where f.is_restricted
union
select
    f.source_system,
    f.encounter_id,
    p.specialty
from star.fact_encounter as f
inner join star.dim_procedure as p on f.procedure_key = p.procedure_key
where p.is_restricted;

create view security.hidden_encounter as
select
    h.source_system,
    h.encounter_id
from security.restricted_encounter as h
where not exists (
    select
    from security.reader_entitlement as e
    where e.kind = 'restricted_specialty' and e.source_system = h.source_system and e.value = h.specialty
);

create view security.data_as_of as
select
    b.source_system,
    max(b.loaded_at) as as_of
from landing.batch as b
where b.state = 'loaded'
group by b.source_system;
comment on view security.data_as_of is 'How fresh the star is, by source system';

create view security.readable_batch as
select b.batch_id
from landing.batch as b
where b.state in ('checked', 'loaded');
comment on view security.readable_batch is 'The batches whose rows are fit to be read';

create view security.tableau_entitlement as
select
    l.tableau_user,
    l.login,
    c.client,
    c.privacy_level,
    l.specialty as own_specialty,
    e.source_system,
    e.kind,
    e.value
from security.login as l
inner join security.client as c on l.client = c.client
inner join security.entitlement as e on l.login = e.login
where l.tableau_user is not null;
comment on view security.tableau_entitlement is
'For Tableau''s data source filters, where no session can be bound: a Tableau user and each value it may see';
