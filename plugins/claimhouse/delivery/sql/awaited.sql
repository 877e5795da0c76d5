-- $1: a login, $2: reports. The source systems whose publication they have to wait for: files have arrived and none has
-- been loaded and published, or a report is new or has been made anew.
select distinct n.source_system
from security.entitlement as n
inner join security.login as l on n.login = l.login
inner join landing.batch as b on n.source_system = b.source_system
left join published.edition as p on l.audience = p.audience and n.source_system = p.source_system
where l.login = $1 and p.as_of is null
union
select p.source_system
from security.login as l
inner join published.edition as p on l.audience = p.audience
inner join published.report as r on r.report = any($2::text[])
where
    l.login = $1
    and not exists (
        select
        from published.basis as b
        where b.report = r.report and b.audience = p.audience and b.source_system = p.source_system
    )
order by source_system;
