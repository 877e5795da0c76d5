-- Mail a dashboard ($1) no more; $2 who stops it.
update portal.mailing
set ended_at = now(), ended_by = $2
where mailing_id = $1 and is_approved and ended_at is null
returning mailing_id;
