-- What a page of published reports shows follows from the login and from this: what was read in one state need not be
-- read again in it. It has no value of any row.
create or replace view portal.reader as
select
    l.login,
    l.role_name,
    l.client,
    l.specialty,
    c.title,
    c.is_internal,
    c.reports,
    md5(
        jsonb_build_array(
            l.login,
            l.role_name,
            l.specialty,
            c.reports,
            a.audience,
            a.rule,
            (
                select
                    jsonb_agg(
                        jsonb_build_array(e.source_system, e.edition, e.as_of, e.published_at) order by e.source_system
                    )
                from published.edition as e
                where e.audience = l.audience
            )
        )::text
    ) as state
from security.login as l
inner join security.client as c on l.client = c.client
left join published.audience as a on l.audience = a.audience
where not l.is_own_role;
