-- $1: an audience; $2: a source system; $3: how many rows were written. The edition is complete. Where nothing is new
-- the last one stays: publications run after each load of any source system, and editions are kept by number.
update published.edition as e
set
    edition = e.edition + 1,
    as_of = a.as_of,
    published_at = now()
from (select max(s.as_of) as as_of from security.data_as_of as s where s.source_system = $2) as a
where
    e.audience = $1 and e.source_system = $2
    and ($3::integer > 0 or e.edition = 0 or e.as_of is distinct from a.as_of);
