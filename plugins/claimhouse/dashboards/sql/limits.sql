-- The settings $1 until the transaction ends.
select count(set_config(s.key, s.value, true)) as settings
from jsonb_each_text($1::jsonb) as s;
