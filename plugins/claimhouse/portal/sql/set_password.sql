-- Give the local account $1 the password hash $2, and end its sessions.
with changed as (
    update portal.account
    set password_hash = $2, failed_count = 0, locked_until = null
    where kind = 'local' and name = $1
    returning account_id
)

update portal.session as s
set signed_out_at = now()
from changed as c
where c.account_id = s.account_id and s.signed_out_at is null;
