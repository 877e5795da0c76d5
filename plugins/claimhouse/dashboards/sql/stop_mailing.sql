-- Mail a dashboard ($1) no more that $3, reading as the login $2, asked for.
update portal.mailing
set ended_at = clock_timestamp(), ended_by = $3
where mailing_id = $1 and login = $2 and person = $3 and is_approved and ended_at is null
returning mailing_id;
