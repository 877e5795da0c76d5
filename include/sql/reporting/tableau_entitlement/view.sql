{% from "macros.jinja" import reader %}
-- For Tableau extracts and Tableau Cloud, where no session can be bound: join it as a data source filter,
-- [tableau_user] = USERNAME().
create view reporting.tableau_entitlement with (security_barrier) as
select
    t.tableau_user,
    t.login,
    t.client,
    t.privacy_level,
    t.own_specialty,
    t.source_system,
    t.kind,
    t.value
from security.tableau_entitlement as t
inner join {{ reader("tableau_entitlement", "identified") }};

comment on view reporting.tableau_entitlement is 'Which Tableau user may see which rows';
