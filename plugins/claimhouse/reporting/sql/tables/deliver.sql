-- Lets the role that delivers, where the server has one, find the rows that have changed by what identifies them.
{%- set shown = "audience, row_key, source_system, edition_from, " ~ key | join(", ") %}
do $$
begin
    if exists (select from pg_roles where rolname = 'claimhouse_deliverer') then
        grant select ({{ shown }}) on published.{{ report }} to claimhouse_deliverer;
        grant select ({{ shown }}, edition_to) on published.{{ report }}_was to claimhouse_deliverer;
    end if;
end
$$;
