-- Remove the account of the kind $1 for $2, of login $3 or of each.
delete from portal.account as a
where a.kind = $1 and a.name = $2 and ($3::text is null or a.login = $3)
returning a.account_id;
