{% from "metrics/fact.jinja" import fact with context %}
-- Grain: a source system and a day from its first to its last clearing of a pended claim, with or without clearings.
with cleared as (
    select
        source_system,
        cleared_date_key,
        count(*) as cleared_count
    from {{ fact("fact_pended_claim") }} as f
    where cleared_date_key > 0
    group by source_system, cleared_date_key
),

period as (
    select
        source_system,
        min(cleared_date_key) as first_key,
        max(cleared_date_key) as last_key
    from cleared
    group by source_system
)

select
    p.source_system,
    d.date_key as cleared_date_key,
    coalesce(c.cleared_count, 0) as cleared_count,
    d.is_working_day::integer as working_days
from period as p
inner join star.dim_date as d on d.date_key between p.first_key and p.last_key
left join cleared as c on p.source_system = c.source_system and d.date_key = c.cleared_date_key
