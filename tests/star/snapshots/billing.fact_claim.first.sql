-- star/claim_version
-- The relation claim_version: every version of the claims that the load touches, with its place in the claim's
-- history, its money as a difference to the version before, and its surrogate keys. A version of a feed of
-- transactions adds its amounts to those of the version before; one of a feed of states replaces them.
-- A first load brings one version of each claim: then it is a view (no sort, no copy).











create temp view claim_version as
with calendar as materialized (
    select array_agg(date_key order by date) as date_keys from star.dim_date where date is not null
),

version as (
    select
        v.*,
        greatest(coalesce(v.service_date, date '9999-12-30'), date '1900-01-01') as as_of
    from source_billing.star_fact_claim as v
    where
        v.batch_id = any('{}'::bigint[])
        
)

select
    v.source_system,
    1 as version_number,
    v.claim_id,
    v.batch_id,
    v.row_number,
    v.version_at as version_date,
    coalesce(
        patient.patient_key, case v.patient_id when 'not applicable' then -2 else -1 end
    ) as patient_key,
    coalesce(
        provider.provider_key, case v.provider_id when 'not applicable' then -2 else -1 end
    ) as provider_key,
    coalesce(provider.facility_key, -1) as facility_key,
    -2::bigint as payer_key,
    -2::bigint as procedure_key,
    -2::bigint as diagnosis_key,
    coalesce(junk.claim_profile_key, -1) as claim_profile_key,
    coalesce((select calendar.date_keys from calendar)[v.service_date - date '1899-12-31'], -1) as service_date_key,
    coalesce((select calendar.date_keys from calendar)[v.claim_date - date '1899-12-31'], -1) as claim_date_key,
    -2 as paid_date_key,
    
    v.service_date as service_date,
    v.total_cost as total_cost,
    case v.coverage_type when 100 then v.total_cost else round(v.total_cost * v.coverage_type * 0.01, 2) end as covered_amount,
    null::numeric(14, 2) as allowed_amount,
    null::numeric(14, 2) as paid_amount
from version as v
left join star.dim_patient as patient
    on
        patient.source_system = 'billing'
        and v.patient_id = patient.patient_id
        and v.as_of >= patient.valid_from and v.as_of < patient.valid_to
left join star.dim_provider as provider
    on
        provider.source_system = 'billing'
        and v.provider_id = provider.provider_id
        and v.as_of >= provider.valid_from and v.as_of < provider.valid_to
left join star.dim_claim_profile as junk
    on
        coalesce(v.visit_type, chr(1)) = coalesce(junk.visit_type, chr(1))
        and coalesce(v.coverage_type, -32768) = coalesce(junk.coverage_type, -32768)
        and coalesce(v.is_billed::integer, -1) = coalesce(junk.is_billed::integer, -1)
        and junk.claim_type is null
        and junk.plan_type is null
        and junk.claim_status is null
        and junk.status_reason is null;

-- star/fact_claim
-- Fills star.fact_claim from claim_version: each claim in its latest state.
insert into star.fact_claim (source_system, claim_id, patient_key, provider_key, facility_key, payer_key, procedure_key, diagnosis_key, claim_profile_key, service_date_key, claim_date_key, paid_date_key, service_date, total_cost, covered_amount, allowed_amount, paid_amount, version_count, batch_id, row_number, version_date)
select
    v.source_system,
    v.claim_id,
    v.patient_key,
    v.provider_key,
    v.facility_key,
    v.payer_key,
    v.procedure_key,
    v.diagnosis_key,
    v.claim_profile_key,
    v.service_date_key,
    v.claim_date_key,
    v.paid_date_key,
    v.service_date,
    v.total_cost,
    v.covered_amount,
    v.allowed_amount,
    v.paid_amount,
    v.version_number as version_count,
    v.batch_id,
    v.row_number,
    v.version_date
from claim_version as v;
