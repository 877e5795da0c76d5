-- $1: the reports that read the count table. $2: the source system to count, or NULL for all. Whom it is for: the
-- clients and roles that may read one of them.
with gone as (
    delete from pg_temp.counting_reader
)

insert into pg_temp.counting_reader (client, source_system)
select distinct
    c.client,
    e.source_system
from security.client as c
inner join security.login as l on c.client = l.client
inner join security.entitlement as e on l.login = e.login
where
    c.reports && array(select jsonb_array_elements_text($1::jsonb))
    and e.source_system = coalesce($2, e.source_system)
    and e.kind in ('payer', 'provider_specialty', 'procedure_specialty', 'every_row');
