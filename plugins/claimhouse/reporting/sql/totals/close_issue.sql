-- $1: a source system; $2: the rule that holds now.
update quality.issue as i
set
    status = 'resolved',
    closed_at = now(),
    closed_by = 'publication',
    reason = 'the check passes now'
where i.source_system = $1 and i.rule = $2 and i.status = 'open';
