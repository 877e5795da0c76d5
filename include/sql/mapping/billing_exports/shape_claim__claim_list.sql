{% import "words.jinja" as words -%}
-- The claim list in the shape of all claim files. It arrives as csv and again as a workbook: a row that repeats the
-- one before it is no new version. Commercial insurance is no payer, for it names nobody.
{% import "order.jinja" as one_order -%}
with received as (
    select
        list.*,
        listed.claim_status as listed_status,
        (
            list.provider_id, list.patient_id, list.service_date, list.claim_amount, list.procedure_code,
            list.diagnosis_code, list.allowed_amount, list.paid_amount, list.insurance_type, list.claim_status,
            list.status_reason
        )::text as told,
        batch.newness
    from source_billing_exports.claim_list as list
    left join {{ words.listed("claim_status") }} as listed on {{ words.spelled("list.claim_status") }} = listed.folded
    inner join landing.batch_order as batch on list.batch_id = batch.batch_id
    where batch.state in ('checked', 'loaded')
),

compared as (
    select
        received.*,
        lag(received.told) over (
            partition by received.claim_id order by {{ one_order.oldest_first("received", "received") }}
        ) as told_before
    from received
)

select
    claim_id,
    patient_id,
    provider_id,
    nullif(insurance_type, 'Commercial') as payer,
    insurance_type as plan_type,
    service_date,
    procedure_code,
    array_remove(array[diagnosis_code], null) as diagnosis_codes,
    claim_amount,
    allowed_amount,
    paid_amount,
    -- a word outside the list stays as it is, and counts as unknown
    coalesce(listed_status, lower(claim_status)) as claim_status,
    status_reason,
    coalesce(told = told_before, false) as is_repeat,
    batch_id,
    row_number
from compared
