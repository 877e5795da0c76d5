-- A feed of states tells a reversal by the amounts that are known of its record, also from rows set aside.
alter table quality.quarantine add column amounts jsonb;
alter table quality.quarantine add column withdrawn_at timestamptz;
comment on column quality.quarantine.amounts is
'The amounts of a row that was read and then set aside: a conflicting copy, or a reversal nobody declared';
comment on column quality.quarantine.withdrawn_at is
'When the row was taken out of the source table, if it had been accepted before';
create index quarantine_withdrawn on quality.quarantine (source_system) where withdrawn_at is not null;
create index quarantine_amounts on quality.quarantine (source_system, feed, record_key) where amounts is not null;

-- What a word counts as in metrics. The lists of include/reference decide; each load and publication applies them.
alter table star.dim_claim_profile add column claim_status_counts_as text not null default 'unknown';
alter table star.dim_appointment_profile add column appointment_status_counts_as text not null default 'unknown';
alter table star.dim_encounter_profile add column modality_counts_as text not null default 'unknown';
comment on column star.dim_claim_profile.claim_status_counts_as is
'paid, denied, pending, reversed, or unknown: by include/reference/claim_status.csv';
comment on column star.dim_appointment_profile.appointment_status_counts_as is
'completed, cancelled, no-show, rescheduled, pending, or unknown: by include/reference/appointment_status.csv';
comment on column star.dim_encounter_profile.modality_counts_as is
'telehealth, in person, or unknown: by include/reference/modality.csv';

alter table metrics.catalog add column unknown text;
comment on column metrics.catalog.unknown is
'What counts the rows on neither side of the ratio because a word is unknown: the column unknown_count of its view';
