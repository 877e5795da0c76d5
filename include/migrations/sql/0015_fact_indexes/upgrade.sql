-- docs/decisions/0002-fact-indexes.md. The first load of fact_claim drops its two and creates them again.
create index fact_claim_patient on star.fact_claim (patient_key);
create index fact_claim_provider on star.fact_claim (provider_key);
create index fact_encounter_patient on star.fact_encounter (patient_key);
create index fact_encounter_provider on star.fact_encounter (provider_key);
create index fact_procedure_patient on star.fact_procedure (patient_key);
create index fact_appointment_patient on star.fact_appointment (patient_key);
create index fact_appointment_provider on star.fact_appointment (provider_key);
create index fact_survey_patient on star.fact_survey (patient_key);
create index fact_survey_provider on star.fact_survey (provider_key);
create index fact_pended_claim_patient on star.fact_pended_claim (patient_key);
create index fact_pended_claim_provider on star.fact_pended_claim (provider_key);
create index fact_pended_queue_patient on star.fact_pended_queue (patient_key);
create index fact_pended_queue_provider on star.fact_pended_queue (provider_key);
create index bridge_visit_provider_provider on star.bridge_visit_provider (provider_key);
