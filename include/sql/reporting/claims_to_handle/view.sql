{% from "reporting/sql/views/published.jinja" import published with context %}
-- noqa: disable=ST05
-- One row for each claim that needs handling, and the reasons: denied, underpaid, unpaid or pended for too long.
-- Days are counted to the newest day in the data of the source (a service, claim, payment or report of the queue), not
-- to today: for a file of last year the report shows how long a claim had waited then. A claim is not late for a reason
-- that the source has no data about. For readers inside the house only, who look claims up by number. It has no data
-- about patients.
-- Without WITH, and both lists as they are, everything else outside: so an order by their columns takes their indexes.
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
    j.payer_name,
    j.procedure_id,
    j.procedure_name,
    j.procedure_specialty,
    j.provider_id,
    j.provider_name,
    j.provider_specialty,
    j.facility_name,
    j.claim_type,
    j.plan_type,
    j.claim_status,
    j.status_reason,
    j.note_category,
    j.service_date,
    j.billed_amount,
    j.allowed_amount,
    j.paid_amount,
    j.underpaid_amount,
    j.as_of_day,
    j.as_of
from (
    select
        c.*,
        n.as_of_day,
        n.as_of_day - c.waits_since as days_since_claim,
        coalesce(c.is_unpaid and n.as_of_day - c.waits_since > c.unpaid_days, false) as is_unpaid_too_long,
        coalesce(
            greatest(c.queue_days, case when c.is_pending then n.as_of_day - c.waits_since end) > c.pended_days,
            false
        ) as is_pended_too_long
    from (
        select
            b.*,
            e.as_of
        from (
            select
                q.audience,
                false as is_listed,
                q.source_system,
                q.claim_id,
                q.queue_days,
                q.note_category,
                q.payer_name,
                q.procedure_id,
                q.procedure_name,
                q.procedure_specialty,
                q.provider_id,
                q.provider_name,
                q.provider_specialty,
                q.facility_name,
                q.claim_type,
                q.plan_type,
                q.claim_status,
                q.status_reason,
                q.service_date,
                q.waits_since,
                q.billed_amount,
                q.allowed_amount,
                q.paid_amount,
                q.is_denied,
                q.is_underpaid,
                q.is_unpaid,
                q.is_pending,
                q.underpaid_amount,
                q.unpaid_days,
                q.pended_days
            from published.queued_claims as q
            union all
            select
                o.audience,
                true as is_listed,
                o.source_system,
                o.claim_id,
                null::integer as queue_days,
                null::text as note_category,
                o.payer_name,
                o.procedure_id,
                o.procedure_name,
                o.procedure_specialty,
                o.provider_id,
                o.provider_name,
                o.provider_specialty,
                o.facility_name,
                o.claim_type,
                o.plan_type,
                o.claim_status,
                o.status_reason,
                o.service_date,
                o.waits_since,
                o.billed_amount,
                o.allowed_amount,
                o.paid_amount,
                o.is_denied,
                o.is_underpaid,
                o.is_unpaid,
                o.is_pending,
                o.underpaid_amount,
                o.unpaid_days,
                o.pended_days
            from published.open_claims as o
        ) as b
        left join published.edition as e
            on b.source_system = e.source_system and e.audience = security.bound_audience()
        -- The queue is newer than the claim list.
        left join published.queued_claims as i
            on
                b.is_listed and b.source_system = i.source_system and b.claim_id = i.claim_id
                and i.audience = security.bound_audience()
        where b.audience = security.bound_audience() and i.claim_id is null
    ) as c
    inner join (
        select
            n.source_system,
            max(n.newest_day) as as_of_day
        from (
            select
                d.source_system,
                d.newest_day
            from {{ published("claim_days") }} as d
            union all
            select
                q.source_system,
                q.report_date as newest_day
            from {{ published("queued_claims") }} as q
        ) as n
        group by n.source_system
    ) as n on c.source_system = n.source_system
) as j
where j.is_denied or j.is_underpaid or j.is_unpaid_too_long or j.is_pended_too_long
