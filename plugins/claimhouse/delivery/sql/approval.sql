-- $1: a file that a person must approve, $2: why, $3: how many rows the one before it had.
insert into delivery.approval (extract_id, why, previous_row_count)
values ($1, $2, $3);
