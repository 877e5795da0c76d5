-- Whether rows of a source system were withdrawn after they had been accepted. $1 source system.
select q.batch_id
from quality.quarantine as q
where q.source_system = $1 and q.withdrawn_at is not null
order by q.batch_id
limit 1;
