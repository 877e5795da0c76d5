-- $1: audiences. Their rules. A publication that applies other files waits for the end of this one, then closes rows.
select
    a.audience,
    a.rule
from published.audience as a
where a.audience = any($1::integer[])
for share;
