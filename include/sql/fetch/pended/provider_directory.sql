-- sqlfluff:templater:jinja:context:day:2026-01-05
-- All providers of the provider database at present (connection claimhouse_providers). A directory that did
-- not change is not landed again.
select
    provider.npi,
    provider.provider_group,
    provider.last_name,
    provider.first_name,
    provider.addr_1,
    provider.addr_2,
    provider.city,
    provider.state
from provider
order by provider.npi, provider.last_name, provider.first_name, provider.addr_1
