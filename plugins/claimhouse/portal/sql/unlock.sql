-- Unlock the local account $1.
update portal.account
set failed_count = 0, locked_until = null
where kind = 'local' and name = $1
returning account_id;
