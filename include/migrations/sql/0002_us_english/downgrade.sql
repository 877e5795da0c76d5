-- Specialties and metrics as they were spelled before 0002.
-- Specialties are words of include/reference/specialty.csv; what a provider practices
-- (star.dim_provider.specialty) is the source system's own word and stays. So does the ledger of
-- disclosures, which holds what was true when a file was sent.
create temp table renamed (old_name text primary key, new_name text not null) on commit drop;
insert into renamed (old_name, new_name) values
('orthopedics', 'orthopaedics'),
('behavioral health', 'behavioural health'),
('gynecology', 'gynaecology'),
('immunization', 'immunisation');

-- The star, people's own specialties, and, where they have been published, lists and counts.
do $$
declare
    target record;
begin
    for target in
        select
            n.nspname,
            c.relname,
            a.attname
        from pg_attribute as a
        inner join pg_class as c on a.attrelid = c.oid
        inner join pg_namespace as n on c.relnamespace = n.oid
        where
            n.nspname in ('star', 'security', 'reference', 'summary')
            and c.relkind = 'r'
            and c.relname <> 'dim_provider'
            and a.attname in ('specialty', 'restricted_specialty')
    loop
        execute format(
            'update %1$I.%2$I as t set %3$I = r.new_name from renamed as r where t.%3$I = r.old_name',
            target.nspname, target.relname, target.attname
        );
    end loop;
end
$$;

-- An extract is sent only while its client is entitled to the same: a waiting one must find it so.
update security.entitlement as e
set value = r.new_name
from renamed as r
where e.value = r.old_name and e.kind in ('procedure_specialty', 'restricted_specialty');

update security.entitlement_history as h
set value = r.new_name
from renamed as r
where h.value = r.old_name and h.kind in ('procedure_specialty', 'restricted_specialty');

update delivery.extract as e
set entitlements = changed.entitlements
from (
    select
        x.extract_id,
        jsonb_agg(
            case when r.new_name is null then i.item else jsonb_set(i.item, '{1}', to_jsonb(r.new_name)) end
            order by i.position
        ) as entitlements
    from delivery.extract as x
    cross join lateral jsonb_array_elements(x.entitlements) with ordinality as i (item, position)
    left join renamed as r
        on i.item ->> 1 = r.old_name and i.item ->> 3 in ('procedure_specialty', 'restricted_specialty')
    group by x.extract_id
    having bool_or(r.new_name is not null)
) as changed
where e.extract_id = changed.extract_id;

-- Views keep their readers' grants; the next publication creates them again.
update metrics.catalog
set
    metric = 'provider_utilisation',
    title = 'Provider utilisation',
    example = replace(example, 'provider_utilization', 'provider_utilisation')
where metric = 'provider_utilization';

do $$
begin
    if to_regclass('metrics.provider_utilization') is not null then
        alter view metrics.provider_utilization rename to provider_utilisation;
    end if;
    if exists (
        select from pg_attribute as a
        where a.attrelid = to_regclass('reporting.clinic_performance') and a.attname = 'utilization'
    ) then
        alter view reporting.clinic_performance rename column utilization to utilisation;
    end if;
end
$$;
