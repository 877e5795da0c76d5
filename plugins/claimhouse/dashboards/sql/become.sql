-- Read as the login $1 until the transaction ends, with the settings $2; no row for one that is nobody's. Also which
-- revision the warehouse has.
select
    (select v.version_num from public.schema_version as v) as revision,
    (select count(set_config(s.key, s.value, true)) from jsonb_each_text($2::jsonb) as s) as settings,
    -- What is published for the login; see claimhouse.dashboards.session.
    set_config('claimhouse.state', r.state, true) as state,
    set_config('role', r.role_name, true) as role_name
from portal.reader as r
where r.login = $1;
