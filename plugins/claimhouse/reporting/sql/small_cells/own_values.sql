-- $1: a source system. What has ever opened rows of it to the readers of count tables: kept in the temporary table
-- own_value, and returned.
with emptied as (
    delete from pg_temp.own_value
)

insert into pg_temp.own_value (client, kind, value, is_open)
select
    h.client,
    h.kind,
    h.value,
    bool_or(h.valid_to > now()) as is_open
from security.entitlement_history as h
inner join pg_temp.counting_reader as c on h.client = c.client and h.source_system = c.source_system
where h.source_system = $1 and h.kind in ('payer', 'provider_specialty', 'procedure_specialty')
group by h.client, h.kind, h.value
returning client, kind, value, is_open;
