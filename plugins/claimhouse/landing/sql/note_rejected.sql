-- A rejected file says what another one of its feed says, which was not rejected: it is noted. $1 its number, $2 the
-- other one's.
with noted as (
    update landing.file set same_as_file_id = $2
    where file_id = $1
    returning file_id
)

update quality.issue as i
set status = 'resolved', closed_at = now(), closed_by = format('file %s', $2)
from noted as n
inner join landing.batch as b on n.file_id = b.file_id
where i.batch_id = b.batch_id and i.status = 'open';
