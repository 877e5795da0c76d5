-- What is counted of a summary, which nobody but the owner reads, and what of it is shown. Where the
-- columns have changed both begin anew.
do $$
begin
    if (
        select array_agg(a.attname || ' ' || a.atttypid::regtype order by a.attnum)
        from pg_attribute as a
        where a.attrelid = to_regclass('summary.{{ name }}_counted') and a.attnum > 0 and a.attname <> 'is_hidden'
    ) is distinct from (
        select array_agg(a.attname || ' ' || a.atttypid::regtype order by a.attnum)
        from pg_attribute as a
        where a.attrelid = 'pg_temp.counted'::regclass and a.attnum > 0
    ) then
        drop table if exists summary.{{ name }}_counted, summary.{{ name }} cascade;
        create table summary.{{ name }}_counted as
        select c.*, false as is_hidden
        from counted as c
        limit 0;
        create table summary.{{ name }} as
        select c.*, false as is_hidden
        from counted as c
        limit 0;
        alter table summary.{{ name }}_counted enable row level security;
        alter table summary.{{ name }} enable row level security;
        create policy reporting on summary.{{ name }} for select to reporting_owner using (
            source_system in (select e.source_system from security.reader_entitlement as e)
            {% if "client" in tables %}and client in (select r.client from security.reader as r){% endif %}
            and (
                restricted_specialty = ''
                or (source_system, restricted_specialty) in (
                    select
                        e.source_system,
                        e.value
                    from security.reader_entitlement as e
                    where e.kind = 'restricted_specialty'
                )
            )
        );
        grant select on summary.{{ name }} to reporting_owner;
        comment on table summary.{{ name }}_counted is 'Every cell as counted. Readers see summary.{{ name }}';
        comment on table summary.{{ name }} is 'The cells as shown: NULL where hidden, as_of tells from when each is';
    end if;
end
$$;
