select b.source_system
from landing.batch as b
where b.batch_id = $1;
