{% from "macros.jinja" import fact with context %}
-- One row for each claim that needs handling, and the reasons: denied, underpaid, unpaid or pended for too long.
-- The limits are in include/reference/handling_limit.csv. Days are counted to the newest day in the data of the
-- source (a service, claim, payment or report of the queue), not to today: for a file of last year the report
-- shows how long a claim had waited then. A claim is not late for a reason that the source has no data about.
-- For readers inside the house only, who look claims up by number. It has no data about patients.
with newest_day as (
    select
        f.source_system,
        max(greatest(f.service_date, m.date, d.date)) as newest_day
    from {{ fact("fact_claim") }} as f
    inner join star.dim_date as m on f.claim_date_key = m.date_key
    inner join star.dim_date as d on f.paid_date_key = d.date_key
    group by f.source_system
    union all
    select
        q.source_system,
        max(q.report_date) as newest_day
    from {{ fact("fact_pended_queue") }} as q
    group by q.source_system
),

as_of_day as (
    select
        t.source_system,
        max(t.newest_day) as as_of_day
    from newest_day as t
    group by t.source_system
),

day_limit as (
    select
        max(h.days::integer) filter (where h.reason = 'unpaid') as unpaid_days,
        max(h.days::integer) filter (where h.reason = 'pended') as pended_days
    from reference.handling_limit as h
),

queued as (
    select
        q.source_system,
        q.claim_id,
        q.provider_key,
        q.facility_key,
        q.age_days,
        q.total_charge,
        p.note_category
    from {{ fact("fact_pended_queue") }} as q
    inner join star.dim_pended_profile as p on q.pended_profile_key = p.pended_profile_key
    where (q.source_system, q.report_date) in (
        select
            n.source_system,
            max(n.report_date) as report_date
        from {{ fact("fact_pended_queue") }} as n
        group by n.source_system
    )
),

claim as (
    select
        coalesce(f.source_system, q.source_system) as source_system,
        coalesce(f.claim_id, q.claim_id) as claim_id,
        coalesce(f.payer_key, -1) as payer_key,
        coalesce(f.procedure_key, -1) as procedure_key,
        coalesce(f.claim_profile_key, -1) as claim_profile_key,
        coalesce(q.provider_key, f.provider_key) as provider_key,
        coalesce(f.facility_key, q.facility_key) as facility_key,
        coalesce(f.claim_date_key, -1) as claim_date_key,
        f.service_date,
        coalesce(f.total_cost, q.total_charge) as billed_amount,
        f.allowed_amount,
        f.paid_amount,
        q.age_days as queue_days,
        q.note_category
    from {{ fact("fact_claim") }} as f
    full join queued as q on f.source_system = q.source_system and f.claim_id = q.claim_id
),

checked as (
    select
        c.*,
        p.claim_type,
        p.plan_type,
        p.claim_status,
        p.status_reason,
        s.as_of_day,
        s.as_of_day - coalesce(m.date, c.service_date) as days_since_claim,
        p.claim_status_counts_as = 'denied' as is_denied,
        coalesce(
            p.claim_status_counts_as not in ('denied', 'reversed')
            and (c.paid_amount > 0 or p.claim_status_counts_as = 'paid')
            and c.paid_amount < c.allowed_amount,
            false
        ) as is_underpaid,
        coalesce(
            p.claim_status_counts_as not in ('denied', 'paid', 'reversed')
            and c.paid_amount <= 0
            and s.as_of_day - coalesce(m.date, c.service_date) > w.unpaid_days,
            false
        ) as is_unpaid_too_long,
        coalesce(
            greatest(
                c.queue_days,
                case when p.claim_status_counts_as = 'pending' then s.as_of_day - coalesce(m.date, c.service_date) end
            ) > w.pended_days,
            false
        ) as is_pended_too_long
    from claim as c
    inner join star.dim_claim_profile as p on c.claim_profile_key = p.claim_profile_key
    inner join star.dim_date as m on c.claim_date_key = m.date_key
    inner join as_of_day as s on c.source_system = s.source_system
    cross join day_limit as w
)

select
    j.source_system,
    j.claim_id,
    concat_ws(
        ', ',
        case when j.is_denied then 'denied' end,
        case when j.is_underpaid then 'underpaid' end,
        case when j.is_unpaid_too_long then 'unpaid' end,
        case when j.is_pended_too_long then 'pended' end
    ) as reasons,
    j.is_denied,
    j.is_underpaid,
    j.is_unpaid_too_long,
    j.is_pended_too_long,
    j.days_since_claim,
    j.queue_days,
    y.payer_name,
    c.procedure_id,
    c.procedure_name,
    c.specialty as procedure_specialty,
    v.provider_id,
    coalesce(v.provider_name, nullif(concat_ws(' ', v.first_name, v.last_name), '')) as provider_name,
    v.specialty as provider_specialty,
    coalesce(l.facility_name, l.address, l.facility_id) as facility_name,
    j.claim_type,
    j.plan_type,
    coalesce(j.claim_status, 'unknown') as claim_status,
    j.status_reason,
    j.note_category,
    j.service_date,
    j.billed_amount,
    j.allowed_amount,
    j.paid_amount,
    case when j.is_underpaid then j.allowed_amount - j.paid_amount end as underpaid_amount,
    j.as_of_day
from checked as j
inner join star.dim_payer as y on j.payer_key = y.payer_key
inner join star.dim_procedure as c on j.procedure_key = c.procedure_key
inner join star.dim_provider as v on j.provider_key = v.provider_key
inner join star.dim_facility as l on j.facility_key = l.facility_key
where j.is_denied or j.is_underpaid or j.is_unpaid_too_long or j.is_pended_too_long
