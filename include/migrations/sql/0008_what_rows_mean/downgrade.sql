alter table metrics.catalog drop column unknown;
-- Views of metrics read these columns; each publication creates them again.
alter table star.dim_encounter_profile drop column modality_counts_as cascade;
alter table star.dim_appointment_profile drop column appointment_status_counts_as cascade;
alter table star.dim_claim_profile drop column claim_status_counts_as cascade;
drop index quality.quarantine_withdrawn;
drop index quality.quarantine_amounts;
alter table quality.quarantine drop column withdrawn_at;
alter table quality.quarantine drop column amounts;
