-- $1: the reports that read a count table. $2: the source system to count. Whom it is for, the temporary table
-- counting_reader: the clients and roles that may read one of them. They are returned.
with gone as (
    delete from pg_temp.counting_reader
)

insert into pg_temp.counting_reader (client, source_system, number)
select
    c.client,
    e.source_system,
    row_number() over (order by c.client)::integer as number
from security.client as c
inner join security.login as l on c.client = l.client
inner join security.entitlement as e on l.login = e.login
where
    c.reports && array(select jsonb_array_elements_text($1::jsonb))
    and e.source_system = $2
    and e.kind in ('payer', 'provider_specialty', 'procedure_specialty', 'every_row')
group by c.client, e.source_system
returning client;
