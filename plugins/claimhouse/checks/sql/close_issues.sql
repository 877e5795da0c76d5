-- Closes the check issues of batch $2 of source $1, or of its star where $2 is null. $3: the rules
-- that still hold.
update quality.issue as i
set
    status = 'resolved',
    closed_at = now(),
    closed_by = 'soda',
    reason = 'the check passes now'
where
    i.source_system = $1
    and i.batch_id is not distinct from $2::bigint
    and i.rule like 'soda:%'
    and i.status = 'open'
    and i.rule <> all($3::text[]);
