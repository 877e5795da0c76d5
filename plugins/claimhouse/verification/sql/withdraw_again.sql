-- A row that is in quarantine and was accepted before is withdrawn.
update quality.quarantine as q
set withdrawn_at = now()
where
    q.batch_id = {{ batch_id }}
    and q.row_number not in (select b.row_number from quarantine_before as b);
