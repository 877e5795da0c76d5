-- $1: a file that needs approval, $2: why, $3: the row count of the file before it.
insert into delivery.approval (extract_id, why, previous_row_count)
values ($1, $2, $3);
