-- For Tableau extracts and Tableau Cloud, where no session can be bound: join it as a data source filter,
-- [tableau_user] = USERNAME().
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
