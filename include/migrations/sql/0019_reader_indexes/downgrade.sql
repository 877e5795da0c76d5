drop index if exists star.fact_encounter_appointment;
drop index if exists star.fact_pended_queue_report;
