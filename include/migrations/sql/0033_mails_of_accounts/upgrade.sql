-- A mail ends with the account of whoever asked for it, unless the person has another one of the same login.
create function portal.end_mails() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp
set debug_print_parse = off
set debug_print_rewritten = off
set debug_print_plan = off
as $$
begin
    if exists (
        select from portal.account as a
        where lower(a.name) = lower(old.name) and a.login = old.login
    ) then
        return null;
    end if;
    update portal.mailing
    set ended_at = now(), ended_by = 'the removal of the account'
    where lower(person) = lower(old.name) and login = old.login and is_approved and ended_at is null;
    update portal.mailing
    set
        decided_at = now(), decided_by = 'the removal of the account', is_approved = false,
        reason = 'Whoever asked may sign in no more.'
    where lower(person) = lower(old.name) and login = old.login and is_approved is null;
    return null;
end
$$;
revoke all on function portal.end_mails() from public;
-- Messages show whoever calls it neither its variables nor its plan.
alter function portal.subscribe()
set debug_print_parse = off
set debug_print_rewritten = off
set debug_print_plan = off;
create trigger end_mails after delete on portal.account
for each row execute function portal.end_mails();
comment on column portal.mailing.ended_at is
'When somebody stopped it after it was approved, or the account of whoever asked was removed';
