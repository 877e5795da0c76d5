{% from "macros.jinja" import reader %}
-- Every claim that pends or has pended, with whose it is: for senior management alone.
create view reporting.identified_pended_claims with (security_barrier) as
select
    f.source_system,
    f.claim_id,
    d.patient_id,
    d.first_name,
    d.last_name,
    d.birth_date,
    d.gender,
    d.state,
    v.provider_id as npi,
    v.last_name as practitioner_last_name,
    v.first_name as practitioner_first_name,
    v.provider_group,
    l.facility_id,
    p.outcome,
    p.note_category,
    p.age_bucket,
    p.age_group,
    f.total_charge,
    c.date as received_date,
    b.date as first_pended_date,
    e.date as last_pended_date,
    g.date as left_date,
    h.date as cleared_date,
    f.report_count,
    f.days_pended,
    f.days_to_clear,
    a.as_of
from star.fact_pended_claim as f
inner join star.dim_pended_profile as p on f.pended_profile_key = p.pended_profile_key
inner join star.dim_patient as d on f.patient_key = d.patient_key
inner join star.dim_provider as v on f.provider_key = v.provider_key
inner join star.dim_facility as l on f.facility_key = l.facility_key
inner join star.dim_date as c on f.received_date_key = c.date_key
inner join star.dim_date as b on f.first_pended_date_key = b.date_key
inner join star.dim_date as e on f.last_pended_date_key = e.date_key
inner join star.dim_date as g on f.left_date_key = g.date_key
inner join star.dim_date as h on f.cleared_date_key = h.date_key
inner join {{ reader("identified_pended_claims", "identified") }}
left join security.data_as_of as a on f.source_system = a.source_system;

comment on view reporting.identified_pended_claims is 'Pended claims in detail';
comment on column reporting.identified_pended_claims.source_system is 'Where the claim waits or waited';
comment on column reporting.identified_pended_claims.claim_id is 'The number of the claim';
comment on column reporting.identified_pended_claims.patient_id is 'The source''s own number of the patient';
comment on column reporting.identified_pended_claims.first_name is 'The patient''s first name';
comment on column reporting.identified_pended_claims.last_name is 'The patient''s last name';
comment on column reporting.identified_pended_claims.birth_date is 'The patient''s day of birth';
comment on column reporting.identified_pended_claims.gender is 'M is male, F is female';
comment on column reporting.identified_pended_claims.state is 'The state the patient lives in';
comment on column reporting.identified_pended_claims.npi is 'The practitioner''s National Provider Identifier';
comment on column reporting.identified_pended_claims.practitioner_last_name is
'The practitioner''s last name, where the directory has one';
comment on column reporting.identified_pended_claims.practitioner_first_name is 'The practitioner''s first name';
comment on column reporting.identified_pended_claims.provider_group is 'The group the practitioner belonged to';
comment on column reporting.identified_pended_claims.facility_id is
'The facility''s number, where the claim behind is known';
comment on column reporting.identified_pended_claims.outcome is
'pended, cleared, or left: gone without having been cleared';
comment on column reporting.identified_pended_claims.note_category is 'Why it pends or pended, read from its note';
comment on column reporting.identified_pended_claims.age_bucket is 'Days since receipt, in steps';
comment on column reporting.identified_pended_claims.age_group is '<=30 or >30';
comment on column reporting.identified_pended_claims.total_charge is 'What it asks for, in dollars';
comment on column reporting.identified_pended_claims.received_date is 'The day it was received';
comment on column reporting.identified_pended_claims.first_pended_date is 'The first report with it';
comment on column reporting.identified_pended_claims.last_pended_date is 'The last report with it';
comment on column reporting.identified_pended_claims.left_date is 'The first report without it';
comment on column reporting.identified_pended_claims.cleared_date is 'The day it was cleared';
comment on column reporting.identified_pended_claims.report_count is 'In how many reports it was';
comment on column reporting.identified_pended_claims.days_pended is
'Days from receipt until it was cleared, had left, or to the newest report';
comment on column reporting.identified_pended_claims.days_to_clear is 'Days from receipt to the day it was cleared';
comment on column reporting.identified_pended_claims.as_of is 'When the queue was last loaded (UTC)';
