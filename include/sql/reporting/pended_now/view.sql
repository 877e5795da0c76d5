{% from "reporting/sql/views/published.jinja" import published with context %}
-- Every claim of the newest report of the queue. For readers inside the house only, who look claims up by number. It
-- has no data about patients.
select
    q.source_system,
    q.report_date,
    q.claim_id,
    q.queue_days as age_days,
    q.note_category,
    q.billed_amount as total_charge,
    q.provider_id as npi,
    q.provider_name,
    q.facility_name,
    q.claim_status,
    q.as_of
from {{ published("queued_claims") }} as q
