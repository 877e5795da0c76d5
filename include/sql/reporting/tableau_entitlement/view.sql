{% from "macros.jinja" import reader %}
-- For extracts and Tableau Cloud, where no session can be bound: join it as a data source filter,
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
comment on column reporting.tableau_entitlement.tableau_user is 'The name in Tableau, in small letters';
comment on column reporting.tableau_entitlement.login is 'The database role as which the same person reads live';
comment on column reporting.tableau_entitlement.client is 'Whose person it is';
comment on column reporting.tableau_entitlement.privacy_level is 'aggregate, safe_harbor, limited or identified';
comment on column reporting.tableau_entitlement.own_specialty is 'The specialty shown by default';
comment on column reporting.tableau_entitlement.source_system is 'The source of the rows';
comment on column reporting.tableau_entitlement.kind is 'What the value is: payer, provider_specialty, ...';
comment on column reporting.tableau_entitlement.value is 'The value whose rows it may see';
