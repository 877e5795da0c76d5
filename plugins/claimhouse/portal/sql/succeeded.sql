-- Somebody has signed in to the account $1.
update portal.account
set failed_count = 0, locked_until = null, signed_in_at = now()
where account_id = $1;
