-- Every claim that is or was pended, with its patient. For senior management only.
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
left join star.dim_pended_profile as p on f.pended_profile_key = p.pended_profile_key
left join star.dim_patient as d on f.patient_key = d.patient_key
left join star.dim_provider as v on f.provider_key = v.provider_key
left join star.dim_facility as l on f.facility_key = l.facility_key
left join star.dim_date as c on f.received_date_key = c.date_key
left join star.dim_date as b on f.first_pended_date_key = b.date_key
left join star.dim_date as e on f.last_pended_date_key = e.date_key
left join star.dim_date as g on f.left_date_key = g.date_key
left join star.dim_date as h on f.cleared_date_key = h.date_key
left join security.data_as_of as a on f.source_system = a.source_system
