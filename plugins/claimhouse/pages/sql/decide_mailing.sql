-- Keep what a person ($2) decides about a mail ($1) that waits. $3 whether it is approved, $4 why not.
update portal.mailing
set decided_at = now(), decided_by = $2, is_approved = $3, reason = $4
where mailing_id = $1 and is_approved is null
returning mailing_id;
