-- Keep what a person is shown. $1 person, $2 what, $3 source system, $4 file, $5 batch, $6 row number, $7 reason.
insert into quality.access_log (person, what, source_system, file_id, batch_id, row_number, reason)
values ($1, $2, $3, $4, $5, $6, $7);
