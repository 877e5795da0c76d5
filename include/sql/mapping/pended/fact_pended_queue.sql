-- The queue of each day: the claims in it, how long each had waited and why, and whether this was its last report.
-- A row depends on the reports before and after it, on the claim's clearing and on the inpatient claim behind it, so it
-- has that of their batches that was loaded last. Days are counted to the report, never to today.
with fit as (
    select
        batch_id,
        load_number
    from landing.batch_order
    where source_system = 'pended' and state in ('checked', 'loaded')
),

report as (
    select
        day.report_date,
        day.load_number,
        lag(day.report_date) over (order by day.report_date) as last_report_date,
        lag(day.load_number) over (order by day.report_date) as last_load_number,
        lead(day.report_date) over (order by day.report_date) as next_report_date,
        lead(day.load_number) over (order by day.report_date) as next_load_number
    from (
        select
            queue.report_date,
            max(fit.load_number) as load_number
        from source_pended.pend_queue as queue
        inner join fit on queue.batch_id = fit.batch_id
        group by queue.report_date
    ) as day
),

-- each note is read once, however many claims have it
category as materialized (
    select
        note.most_recent_note,
        (
            array_agg(listed.category order by listed.position::integer) filter (
                where strpos(lower(note.most_recent_note), listed.phrase) > 0
            )
        )[1] as note_category
    from (select most_recent_note from source_pended.pend_queue group by most_recent_note) as note
    cross join reference.pended_note_category as listed
    where note.most_recent_note is not null
    group by note.most_recent_note
),

queue as (
    select
        claim.*,
        fit.load_number,
        report.last_report_date,
        report.last_load_number,
        report.next_report_date,
        report.next_load_number,
        lag(claim.report_date) over own as seen_before,
        lead(claim.report_date) over own as seen_after,
        -- a claim received after the report has no age
        case when claim.report_date >= claim.receipt_date then claim.report_date - claim.receipt_date end as age_days
    from source_pended.pend_queue_current as claim
    inner join fit on claim.batch_id = fit.batch_id
    inner join report on claim.report_date = report.report_date
    window own as (partition by claim.claim_id order by claim.report_date)
),

-- the clearing after a claim's last report before a gap, and before the claim pends again
cleared as (
    select distinct on (queue.claim_id, queue.report_date)
        queue.claim_id,
        queue.report_date,
        clearing.clear_date,
        clearing.batch_id
    from queue
    inner join source_pended.cleared_claims_current as clearing
        on
            queue.claim_id = clearing.claim_id
            and queue.report_date <= clearing.clear_date
            and (queue.seen_after is null or queue.seen_after > clearing.clear_date)
    where queue.seen_after is null or queue.seen_after > queue.next_report_date
    order by queue.claim_id asc, queue.report_date asc, clearing.clear_date asc
),

judged as (
    select
        queue.*,
        cleared.clear_date,
        cleared_fit.load_number as cleared_load_number,
        queue.seen_after is null or queue.seen_after > queue.next_report_date as is_last
    from queue
    left join cleared on queue.claim_id = cleared.claim_id and queue.report_date = cleared.report_date
    left join fit as cleared_fit on cleared.batch_id = cleared_fit.batch_id
),

told as (
    select
        judged.*,
        case
            when judged.is_last and judged.clear_date is not null then 'cleared'
            when judged.is_last and judged.next_report_date is not null then 'left'
            else 'pended'
        end as outcome
    from judged
)

select
    'pended' as source_system,
    told.claim_id,
    told.report_date,
    inpatient.desynpuf_id as patient_id,
    told.npi as provider_id,
    inpatient.prvdr_num as facility_id,
    coalesce(category.note_category, 'misc') as note_category,
    coalesce(bucket.age_bucket, 'unknown') as age_bucket,
    bucket.position::smallint as age_bucket_position,
    coalesce(bucket.age_group, 'unknown') as age_group,
    told.outcome,
    told.receipt_date as received_date,
    case when told.outcome <> 'pended' then coalesce(told.next_report_date, told.clear_date) end as left_date,
    told.report_date as service_date,
    told.age_days,
    told.total_charge,
    (
        told.last_report_date is not null and told.seen_before is distinct from told.last_report_date
    )::integer::smallint as entered_count,
    (told.outcome = 'cleared')::integer::smallint as cleared_count,
    (told.outcome = 'left')::integer::smallint as left_count,
    loaded_last.batch_id,
    told.row_number
from told
left join category on told.most_recent_note = category.most_recent_note
left join reference.pended_age_bucket as bucket
    on
        told.age_days >= bucket.first_day::integer
        and told.age_days <= coalesce(bucket.last_day::integer, told.age_days)
left join source_pended.inpatient_claims_current as inpatient
    on told.claim_id = inpatient.clm_id and inpatient.segment = 1
left join fit as inpatient_fit on inpatient.batch_id = inpatient_fit.batch_id
inner join fit as loaded_last
    on
        greatest(
            told.load_number,
            told.last_load_number,
            case when told.is_last then told.next_load_number end,
            told.cleared_load_number,
            inpatient_fit.load_number
        ) = loaded_last.load_number
