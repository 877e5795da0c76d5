-- sqlfluff:templater:jinja:context:feed:claims
-- sqlfluff:templater:jinja:context:batch_id:1
-- sqlfluff:templater:jinja:context:record_key:concat_ws('|', claim_id)
-- sqlfluff:templater:jinja:context:claim:claim_id
-- sqlfluff:templater:jinja:context:patient:patient_id
-- sqlfluff:templater:jinja:context:provider:provider_id
-- sqlfluff:templater:jinja:context:day:date_of_service
-- sqlfluff:templater:jinja:context:charged:total_cost
-- sqlfluff:templater:jinja:context:same:[{"name": "total_cost", "type": "decimal"}]
-- Claims of a batch that are the same as another one under another number, those that are the same beside each other.
{% import "plausibility/fingerprint.jinja" as claims with context -%}
with compared as materialized (
    {{ claims.compared() | indent(4) }}
),

suspect as (
    select c.fingerprint__
    from compared as c
    group by c.fingerprint__
    having min(c.claim_hash__) <> max(c.claim_hash__) and bool_or(c.is_own__)
)

select
    t.row_number,
    {{ record_key }} as record_key,
    {% for column in same %}t.{{ column.name }},
    {% endfor %}    (select count(*) from compared as o where o.is_own__) as of_rows
from source_{{ source }}.{{ feed }} as t
inner join compared as c on t.row_number = c.row_number and c.is_own__
inner join suspect as s on c.fingerprint__ = s.fingerprint__
where t.batch_id = {{ batch_id }}
order by c.fingerprint__, t.row_number
limit 100
