-- The rejected files of a source system. $1 source system.
select
    b.batch_id,
    b.feed,
    f.file_id,
    f.file_name,
    f.arrived_at
from landing.batch as b
inner join landing.file as f on b.file_id = f.file_id
where b.source_system = $1 and b.state = 'rejected' and not b.is_correction and f.same_as_file_id is null
order by f.file_id;
