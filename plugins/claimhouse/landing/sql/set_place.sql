-- Give a delivery its place in the order. $1 its number, $2 place, $3 what it was made from.
update landing.file
set file_order = $2, ordered_by = $3
where file_id = $1;
