-- $1: a login, $2: a moment, $3: reports. Why what this login sees is not the newest data that arrived before $2.
with source as (
    select distinct n.source_system
    from security.entitlement as n
    where n.login = $1
),

-- When its entitlements changed last: what it may see then is published after that. A new name of its role changes
-- nothing that it may see.
entitled as (
    select coalesce(max(case when h.valid_to <= now() then h.valid_to else h.valid_from end), '-infinity') as changed_at
    from security.entitlement_history as h
    where h.login = $1 and h.kind <> 'role'
),

newest as (
    select distinct on (b.source_system, b.feed)
        b.source_system,
        b.feed,
        b.state,
        b.created_at
    from landing.batch as b
    inner join source as s on b.source_system = s.source_system
    inner join landing.batch_order as o on b.batch_id = o.batch_id
    where not b.is_correction
    order by b.source_system asc, b.feed asc, o.newness desc
)

select
    n.source_system,
    case
        when n.state = 'held' then format('the newest %s are held by a failed check', n.feed)
        when n.state = 'rejected' then format('the newest file of %s was rejected', n.feed)
        else format('the newest %s have not been loaded', n.feed)
    end as problem
from newest as n
where n.state in ('held', 'rejected') or (n.state <> 'loaded' and n.created_at < $2)
union all
select
    a.source_system,
    'what was loaded has not been published' as problem
from security.data_as_of as a
inner join source as s on a.source_system = s.source_system
inner join security.login as l on l.login = $1
left join published.edition as p on l.audience = p.audience and a.source_system = p.source_system
where a.as_of is distinct from p.as_of and a.as_of < $2
union all
select distinct
    p.source_system,
    'the report has not been published' as problem
from security.login as l
inner join published.edition as p on l.audience = p.audience
inner join published.report as r on r.report = any($3::text[])
cross join entitled as t
where
    l.login = $1
    and greatest(r.changed_at, t.changed_at) < $2
    and not exists (
        select
        from published.basis as b
        where b.report = r.report and b.audience = p.audience and b.source_system = p.source_system
    )
order by source_system, problem;
