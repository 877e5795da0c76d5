-- Each claim that was in a report or was cleared: an accumulating snapshot, from receipt to the day it left.
-- A row depends on all reports with the claim, the first one without it, its clearing and the inpatient claim behind
-- it, so it has that of their batches that was loaded last; that of a claim that still pends also depends on the newest
-- report.
with fit as (
    select
        batch_id,
        load_number
    from landing.batch_order
    where source_system = 'pended' and state in ('checked', 'loaded')
),

report as (
    select
        queue.report_date,
        max(fit.load_number) as load_number
    from source_pended.pend_queue as queue
    inner join fit on queue.batch_id = fit.batch_id
    group by queue.report_date
),

-- the first report after the last one with the claim
following as (
    select
        report_date,
        lead(report_date) over (order by report_date) as next_report_date,
        lead(load_number) over (order by report_date) as next_load_number
    from report
),

category as materialized (
    select
        note.most_recent_note,
        (
            array_agg(listed.category order by listed.position::integer) filter (
                where strpos(lower(note.most_recent_note), listed.phrase) > 0
            )
        )[1] as note_category
    from (
        select most_recent_note from source_pended.pend_queue
        group by most_recent_note
        union
        select most_recent_note from source_pended.cleared_claims
    ) as note
    cross join reference.pended_note_category as listed
    where note.most_recent_note is not null
    group by note.most_recent_note
),

-- the last report with a claim, and what the earlier ones add to it
span as (
    select distinct on (queue.claim_id)
        queue.claim_id,
        queue.report_date as last_report_date,
        queue.most_recent_note,
        queue.npi,
        queue.total_charge,
        queue.row_number,
        min(queue.report_date) over own as first_report_date,
        min(queue.receipt_date) over own as receipt_date,
        count(*) over own as report_count,
        max(fit.load_number) over own as load_number
    from source_pended.pend_queue_current as queue
    inner join fit on queue.batch_id = fit.batch_id
    window own as (partition by queue.claim_id)
    order by queue.claim_id asc, queue.report_date desc
),

-- the newest clearing of a claim
clearing as (
    select distinct on (cleared.claim_id)
        cleared.claim_id,
        cleared.clear_date,
        cleared.receipt_date,
        cleared.most_recent_note,
        cleared.row_number,
        fit.load_number
    from source_pended.cleared_claims_current as cleared
    inner join fit on cleared.batch_id = fit.batch_id
    order by cleared.claim_id asc, cleared.clear_date desc
),

told as (
    select
        coalesce(span.claim_id, clearing.claim_id) as claim_id,
        coalesce(span.receipt_date, clearing.receipt_date) as receipt_date,
        coalesce(span.report_count, 0) as report_count,
        coalesce(span.most_recent_note, clearing.most_recent_note) as most_recent_note,
        span.npi,
        span.total_charge,
        span.first_report_date,
        span.last_report_date,
        following.next_report_date,
        -- a claim that pends again after its clearing is not cleared
        case
            when span.last_report_date is null or clearing.clear_date >= span.last_report_date then clearing.clear_date
        end as clear_date,
        greatest(span.load_number, clearing.load_number, following.next_load_number) as load_number,
        coalesce(span.row_number, clearing.row_number) as row_number
    from span
    full join clearing on span.claim_id = clearing.claim_id
    left join following on span.last_report_date = following.report_date
),

-- its outcome, and the day until which it has waited
standing as (
    select
        told.*,
        case
            when told.clear_date is not null then 'cleared'
            when told.next_report_date is not null then 'left'
            else 'pended'
        end as outcome,
        coalesce(told.clear_date, told.next_report_date, told.last_report_date) as waited_until
    from told
)

select
    'pended' as source_system,
    standing.claim_id,
    inpatient.desynpuf_id as patient_id,
    standing.npi as provider_id,
    inpatient.prvdr_num as facility_id,
    coalesce(category.note_category, 'misc') as note_category,
    coalesce(bucket.age_bucket, 'unknown') as age_bucket,
    bucket.position::smallint as age_bucket_position,
    coalesce(bucket.age_group, 'unknown') as age_group,
    standing.outcome,
    standing.receipt_date as received_date,
    standing.first_report_date as first_pended_date,
    standing.last_report_date as last_pended_date,
    case
        when standing.outcome <> 'pended' then coalesce(standing.next_report_date, standing.clear_date)
    end as left_date,
    standing.clear_date as cleared_date,
    coalesce(standing.last_report_date, standing.clear_date) as service_date,
    standing.total_charge,
    standing.report_count::integer as report_count,
    standing.first_report_date - standing.receipt_date as days_to_first_report,
    standing.waited_until - standing.receipt_date as days_pended,
    standing.clear_date - standing.receipt_date as days_to_clear,
    (standing.outcome = 'pended')::integer::smallint as pended_count,
    (standing.outcome = 'cleared')::integer::smallint as cleared_count,
    (standing.outcome = 'left')::integer::smallint as left_count,
    loaded_last.batch_id,
    standing.row_number
from standing
left join category on standing.most_recent_note = category.most_recent_note
left join reference.pended_age_bucket as bucket
    on
        standing.waited_until - standing.receipt_date >= bucket.first_day::integer
        and standing.waited_until - standing.receipt_date
        <= coalesce(bucket.last_day::integer, standing.waited_until - standing.receipt_date)
left join source_pended.inpatient_claims_current as inpatient
    on standing.claim_id = inpatient.clm_id and inpatient.segment = 1
left join fit as inpatient_fit on inpatient.batch_id = inpatient_fit.batch_id
inner join fit as loaded_last on greatest(standing.load_number, inpatient_fit.load_number) = loaded_last.load_number
