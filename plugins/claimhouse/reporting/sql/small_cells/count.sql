-- noqa: disable=LT02,LT05,AL05
-- The lists are laid out as written, not as rendered.
-- The temporary table counted: what the SELECT of a count table counts now of the source system {{ source }}, and how
-- fresh it is. A year is closed once the data of the source reach {{ run_out_months }} months into the next: until then
-- bills come in late.
drop table if exists pg_temp.counted;
create temporary table counted on commit drop as
{% if year -%}
with newest as (
    select max(f.service_date) as day
    from star.{{ fact }} as f
    inner join security.data_as_of as a on f.source_system = a.source_system
    where f.source_system = '{{ source }}' and f.service_date <= a.as_of::date
)

{% endif -%}
select
    c.*,
    a.as_of,
    {% if year -%}
    coalesce(c.{{ year }} < to_char(n.day - interval '{{ run_out_months }} months', 'YYYY'), false) as is_closed
    {%- else -%}
    false as is_closed
    {%- endif %}
from pg_temp.counting as c
inner join security.data_as_of as a on c.source_system = a.source_system
{%- if year %}
cross join newest as n
{%- endif %};
analyze pg_temp.counted;
