-- $1: the audience of each login, as a JSON object.
update security.login as l
set audience = a.value::integer
from jsonb_each_text($1::jsonb) as a
where l.login = a.key and l.audience is distinct from a.value::integer;
