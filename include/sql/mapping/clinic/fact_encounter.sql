{% import "words.jinja" as words -%}
-- Every version of a visit as the clinic network sent it, in the shape of star.fact_encounter. No payer: the network
-- sends a patient's kind of insurance, never the insurer (dim_patient.payer_type).
select
    'clinic' as source_system,
    visit_id as encounter_id,
    appointment_id,
    patient_id,
    provider_id,
    case clinic_location when 'Telehealth Hub' then 'not applicable' else clinic_location end as facility_id,
    visit_date as service_date,
    -- HL7's classes of encounters, as the hospital uses them: virtual is one without a place
    case counts_as when 'telehealth' then 'virtual' when 'in person' then 'ambulatory' end as encounter_class,
    coalesce(listed_modality, modality) as modality,
    is_first_visit_for_patient as is_first_visit,
    visit_duration_minutes as length_minutes,
    billed_amount as total_claim_cost,
    batch_id,
    row_number
from (
    select
        visit.*,
        listed.modality as listed_modality,
        listed.counts_as
    from source_clinic.visits as visit
    left join {{ words.listed("modality") }} as listed on {{ words.spelled("visit.modality") }} = listed.folded
) as typed
