-- $1: a login, $2: a report. Whose rows the login sees, when the columns of the report changed last, and from which
-- edition of each source system on it can be read again.
select
    l.audience,
    coalesce(extract(epoch from r.changed_at)::text, '') as changed_at,
    coalesce(
        (
            select jsonb_object_agg(b.source_system, b.kept_from)
            from published.basis as b
            where b.report = $2 and b.audience = l.audience
        ),
        '{}'::jsonb
    ) as kept_from
from security.login as l
inner join published.report as r on r.report = $2
where l.login = $1;
