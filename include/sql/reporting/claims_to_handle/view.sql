{% from "macros.jinja" import reader %}
-- One row for each claim somebody has to see to, and why: denied, underpaid, unpaid or pended for too long. How long
-- that is stands in include/reference/handling_limit.csv. Days are counted to the newest day of which the source
-- itself tells (a service, claim, payment or report of the queue), never to today: a file of last year
-- says how long a claim had waited then. What a source does not tell makes no claim late.
-- For readers inside the house alone, who look the claims up by their number; of the patient it tells nothing.
create view reporting.claims_to_handle with (security_barrier) as
with told as (
    select
        f.source_system,
        max(greatest(f.service_date, m.date, d.date)) as newest_day
    from star.fact_claim as f
    inner join star.dim_date as m on f.claim_date_key = m.date_key
    inner join star.dim_date as d on f.paid_date_key = d.date_key
    group by f.source_system
    union all
    select
        q.source_system,
        max(q.report_date) as newest_day
    from star.fact_pended_queue as q
    group by q.source_system
),

as_of_day as (
    select
        t.source_system,
        max(t.newest_day) as as_of_day
    from told as t
    group by t.source_system
),

allowed as (
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
    from star.fact_pended_queue as q
    inner join star.dim_pended_profile as p on q.pended_profile_key = p.pended_profile_key
    where (q.source_system, q.report_date) in (
        select
            n.source_system,
            max(n.report_date) as report_date
        from star.fact_pended_queue as n
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
    from star.fact_claim as f
    full join queued as q on f.source_system = q.source_system and f.claim_id = q.claim_id
),

judged as (
    select
        c.*,
        p.claim_type,
        p.plan_type,
        p.claim_status,
        p.status_reason,
        s.as_of_day,
        s.as_of_day - coalesce(m.date, c.service_date) as days_since_claim,
        coalesce(p.claim_status = 'denied', false) as is_denied,
        coalesce(
            coalesce(p.claim_status, 'unknown') <> 'denied'
            and (c.paid_amount > 0 or p.claim_status = 'paid')
            and c.paid_amount < c.allowed_amount,
            false
        ) as is_underpaid,
        coalesce(
            coalesce(p.claim_status, 'unknown') not in ('denied', 'paid')
            and c.paid_amount <= 0
            and s.as_of_day - coalesce(m.date, c.service_date) > w.unpaid_days,
            false
        ) as is_unpaid_too_long,
        coalesce(
            greatest(
                c.queue_days,
                case when p.claim_status = 'under review' then s.as_of_day - coalesce(m.date, c.service_date) end
            ) > w.pended_days,
            false
        ) as is_pended_too_long
    from claim as c
    inner join star.dim_claim_profile as p on c.claim_profile_key = p.claim_profile_key
    inner join star.dim_date as m on c.claim_date_key = m.date_key
    inner join as_of_day as s on c.source_system = s.source_system
    cross join allowed as w
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
    j.as_of_day,
    a.as_of
from judged as j
inner join {{ reader("claims_to_handle", "limited") }} and r.is_internal
inner join star.dim_payer as y on j.payer_key = y.payer_key
inner join star.dim_procedure as c on j.procedure_key = c.procedure_key
inner join star.dim_provider as v on j.provider_key = v.provider_key
inner join star.dim_facility as l on j.facility_key = l.facility_key
left join security.data_as_of as a on j.source_system = a.source_system
where j.is_denied or j.is_underpaid or j.is_unpaid_too_long or j.is_pended_too_long;

comment on view reporting.claims_to_handle is 'Claims that need handling';
comment on column reporting.claims_to_handle.source_system is 'The system the claim came from';
comment on column reporting.claims_to_handle.claim_id is 'The number of the claim';
comment on column reporting.claims_to_handle.reasons is
'Why it needs handling: denied, underpaid, unpaid, pended, in this order';
comment on column reporting.claims_to_handle.is_denied is 'The payer denied it';
comment on column reporting.claims_to_handle.is_underpaid is
'Paid, but less than is allowed; the patient''s own share, which the claims do not tell, may be why';
comment on column reporting.claims_to_handle.is_unpaid_too_long is
'Nothing was paid though not denied, for longer than the limit; a claim whose payment is unknown is not among them';
comment on column reporting.claims_to_handle.is_pended_too_long is
'Waits in the queue, or under review, for longer than the limit';
comment on column reporting.claims_to_handle.days_since_claim is
'Days from the claim, or else from the service, to as_of_day';
comment on column reporting.claims_to_handle.queue_days is
'Days from receipt to the newest report of the queue, where it waits in it';
comment on column reporting.claims_to_handle.payer_name is 'Who pays, under the name all sources share';
comment on column reporting.claims_to_handle.procedure_id is 'Code of the procedure';
comment on column reporting.claims_to_handle.procedure_name is 'What was done';
comment on column reporting.claims_to_handle.procedure_specialty is 'The specialty the procedure belongs to';
comment on column reporting.claims_to_handle.provider_id is 'The source''s own number of the provider';
comment on column reporting.claims_to_handle.provider_name is 'Who treated';
comment on column reporting.claims_to_handle.provider_specialty is 'What the provider practised at the time';
comment on column reporting.claims_to_handle.facility_name is 'Where: the name, else the address, else the number';
comment on column reporting.claims_to_handle.claim_type is 'The kind of claim';
comment on column reporting.claims_to_handle.plan_type is 'The kind of insurance plan';
comment on column reporting.claims_to_handle.claim_status is
'What became of it; unknown where the source gives no status';
comment on column reporting.claims_to_handle.status_reason is 'Why it has that status, as the source says';
comment on column reporting.claims_to_handle.note_category is 'Why it pends, read from its note';
comment on column reporting.claims_to_handle.service_date is 'The day of the service';
comment on column reporting.claims_to_handle.billed_amount is 'What it asks for, in dollars';
comment on column reporting.claims_to_handle.allowed_amount is 'What the payer''s contract allows for it, in dollars';
comment on column reporting.claims_to_handle.paid_amount is
'What was paid, in dollars; empty where the source does not tell';
comment on column reporting.claims_to_handle.underpaid_amount is 'What is missing to the allowed amount, in dollars';
comment on column reporting.claims_to_handle.as_of_day is
'The newest day of which the source tells; days are counted to it';
comment on column reporting.claims_to_handle.as_of is 'When the source was last loaded (UTC)';
