{% from "macros.jinja" import fact with context %}
{% import "reporting/handling.jinja" as handling -%}
-- The claims of the newest report of the pend queue, with what the claim list says of them where it has them.
with queued as (
    select
        q.*,
        max(q.report_date) over () as newest_report_date
    from {{ fact("fact_pended_queue") }} as q
),

claim as (
    select
        q.source_system,
        q.claim_id,
        q.report_date,
        q.age_days as queue_days,
        n.note_category,
        coalesce(k.payer_key, -1) as payer_key,
        coalesce(k.procedure_key, -1) as procedure_key,
        coalesce(k.claim_profile_key, -1) as claim_profile_key,
        coalesce(k.claim_date_key, -1) as claim_date_key,
        q.provider_key,
        coalesce(k.facility_key, q.facility_key) as facility_key,
        k.service_date,
        coalesce(k.total_cost, q.total_charge) as total_cost,
        k.allowed_amount,
        k.paid_amount
    from queued as q
    inner join star.dim_pended_profile as n on q.pended_profile_key = n.pended_profile_key
    left join {{ fact("fact_claim") }} as k on q.source_system = k.source_system and q.claim_id = k.claim_id
    where q.report_date = q.newest_report_date
)

select
    f.source_system,
    f.claim_id,
    f.report_date,
    f.queue_days,
    f.note_category,
    y.payer_name,
    c.procedure_id,
    c.procedure_name,
    c.specialty as procedure_specialty,
    v.provider_id,
    coalesce(v.provider_name, nullif(concat_ws(' ', v.first_name, v.last_name), '')) as provider_name,
    v.specialty as provider_specialty,
    coalesce(l.facility_name, l.address, l.facility_id) as facility_name,
    p.claim_type,
    p.plan_type,
    coalesce(p.claim_status, 'unknown') as claim_status,
    p.status_reason,
    f.service_date,
    coalesce(m.date, f.service_date) as waits_since,
    f.total_cost as billed_amount,
    f.allowed_amount,
    f.paid_amount,
    {{ handling.reasons() }}
from claim as f
inner join star.dim_claim_profile as p on f.claim_profile_key = p.claim_profile_key
inner join star.dim_date as m on f.claim_date_key = m.date_key
inner join star.dim_payer as y on f.payer_key = y.payer_key
inner join star.dim_procedure as c on f.procedure_key = c.procedure_key
inner join star.dim_provider as v on f.provider_key = v.provider_key
inner join star.dim_facility as l on f.facility_key = l.facility_key
cross join {{ handling.limits() }} as w
