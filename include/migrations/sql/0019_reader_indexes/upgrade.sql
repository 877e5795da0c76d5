-- docs/decisions/0002-fact-indexes.md
create index fact_encounter_appointment on star.fact_encounter (appointment_id) where appointment_id is not null;
create index fact_pended_queue_report on star.fact_pended_queue (report_date);
