{% from "macros.jinja" import reader %}
-- Every claim with whose it was and who treated: for senior management alone.
create view reporting.identified_claims with (security_barrier) as
select
    f.source_system,
    f.claim_id,
    f.service_date,
    d.patient_id,
    d.first_name,
    d.last_name,
    d.city,
    d.state,
    v.provider_id,
    coalesce(v.provider_name, concat_ws(' ', v.first_name, v.last_name)) as provider_name,
    v.specialty,
    y.payer_name,
    c.visit_type,
    c.claim_type,
    c.plan_type,
    c.claim_status,
    c.status_reason,
    c.coverage_type as coverage_percent,
    c.is_billed,
    f.total_cost,
    f.covered_amount,
    f.allowed_amount,
    f.paid_amount,
    a.as_of
from star.fact_claim as f
inner join star.dim_patient as d on f.patient_key = d.patient_key
inner join star.dim_provider as v on f.provider_key = v.provider_key
inner join star.dim_payer as y on f.payer_key = y.payer_key
inner join star.dim_claim_profile as c on f.claim_profile_key = c.claim_profile_key
inner join {{ reader("identified_claims", "identified") }}
left join security.data_as_of as a on f.source_system = a.source_system;

comment on view reporting.identified_claims is 'Claims in detail';
comment on column reporting.identified_claims.source_system is 'Where the claim came from';
comment on column reporting.identified_claims.claim_id is 'The source''s own number of the claim';
comment on column reporting.identified_claims.service_date is 'The day of the service';
comment on column reporting.identified_claims.patient_id is 'The source''s own number of the patient';
comment on column reporting.identified_claims.first_name is 'The patient''s first name';
comment on column reporting.identified_claims.last_name is 'The patient''s last name';
comment on column reporting.identified_claims.city is 'Where the patient lived on that day';
comment on column reporting.identified_claims.state is 'The state of that city';
comment on column reporting.identified_claims.provider_id is 'The source''s own number of the provider';
comment on column reporting.identified_claims.provider_name is 'Who treated';
comment on column reporting.identified_claims.specialty is 'What the provider practised at the time';
comment on column reporting.identified_claims.payer_name is 'Who pays, under the name all sources share';
comment on column reporting.identified_claims.visit_type is 'What the visit was for';
comment on column reporting.identified_claims.claim_type is 'The kind of claim';
comment on column reporting.identified_claims.plan_type is 'The kind of insurance plan';
comment on column reporting.identified_claims.claim_status is 'What became of it';
comment on column reporting.identified_claims.status_reason is 'Why it has that status, as the source says';
comment on column reporting.identified_claims.coverage_percent is 'The share of the cost that is covered, in percent';
comment on column reporting.identified_claims.is_billed is 'Whether the bill was sent to the patient';
comment on column reporting.identified_claims.total_cost is 'What the claim asks for, in dollars';
comment on column reporting.identified_claims.covered_amount is 'The covered part of it, in dollars';
comment on column reporting.identified_claims.allowed_amount is
'What the payer''s contract allows for it, in dollars';
comment on column reporting.identified_claims.paid_amount is 'What was paid, in dollars';
comment on column reporting.identified_claims.as_of is 'When the claims were last loaded (UTC)';
