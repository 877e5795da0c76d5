-- Take the quarantined rows of a batch out, to read them again.
create temp table quarantine_before on commit drop as
select q.* from quality.quarantine as q
where q.batch_id = {{ batch_id }};

delete from quality.quarantine as q where q.batch_id = {{ batch_id }};

create temp table seen_row (row_number bigint) on commit drop;
