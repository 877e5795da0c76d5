-- Each answer in its latest state, in the shape of star.fact_survey. Patient, provider, place and day are those of the
-- visit; the patient's own words stay in the source table.
select
    'clinic' as source_system,
    survey.visit_id as encounter_id,
    visit.patient_id,
    visit.provider_id,
    case visit.clinic_location
        when 'Telehealth Hub' then 'not applicable' else visit.clinic_location
    end as facility_id,
    visit.visit_date as service_date,
    survey.satisfaction_score,
    survey.comment_text is not null as has_comment,
    -- a visit that comes or changes later changes the answer's row
    case when visit_batch.load_number > survey_batch.load_number then visit.batch_id else survey.batch_id end
        as batch_id,
    survey.row_number
from source_clinic.survey_current as survey
inner join landing.batch_order as survey_batch on survey.batch_id = survey_batch.batch_id
left join source_clinic.visits_current as visit on survey.visit_id = visit.visit_id
left join landing.batch_order as visit_batch on visit.batch_id = visit_batch.batch_id
