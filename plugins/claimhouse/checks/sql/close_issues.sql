-- Close the issues of checks that pass now. $1 source system, $2 batch, null for the star, $3 rules
-- that are still broken.
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
