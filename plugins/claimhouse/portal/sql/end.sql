-- End the session with the hash $1.
update portal.session
set signed_out_at = now()
where session_hash = $1 and signed_out_at is null;
