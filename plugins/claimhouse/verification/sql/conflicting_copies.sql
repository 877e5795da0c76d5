-- The rows that copies.sql set aside for their different values.
select
    row_number,
    record_key
from copy_of_record
where not is_identical;
