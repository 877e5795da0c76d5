-- $1: a source system. Whether a load of it is in progress, or broke off.
select b.batch_id
from landing.batch as b
where b.source_system = $1 and b.state = 'checked' and b.loading_since is not null;
