-- Give the portal's role what it takes to sign people in (docs/security.md). What it reads for them it reads as their
-- own role, which each publication lets it become.
do $$
begin
    if not exists (select from pg_roles as r where r.rolname = 'claimhouse_portal') then
        return;
    end if;
    execute format('grant connect on database %I to claimhouse_portal', current_database());
    grant usage on schema public, portal to claimhouse_portal;
    grant select on public.schema_version, portal.reader, portal.account, portal.session to claimhouse_portal;
    grant update (failed_count, locked_until, signed_in_at) on portal.account to claimhouse_portal;
    grant insert (session_hash, account_id, expires_at), update (seen_at, signed_out_at), delete
    on portal.session to claimhouse_portal;
    grant select, insert (minute, kind, name, outcome), update (attempts) on portal.sign_in to claimhouse_portal;
    grant insert (
        login, person, dashboard, tile, report, format, filters, row_count, as_of, file_name, checksum, size_bytes
    ) on portal.download to claimhouse_portal;
    grant
    select,
    insert (login, person, dashboard, filters, format, weekday, recipient, time_zone),
    update (ended_at, ended_by)
    on portal.mailing to claimhouse_portal;
    grant select on portal.mailed to claimhouse_portal;
end
$$;
