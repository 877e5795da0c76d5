-- How many encounters did a payer's members have in a period, and how many patients did these help, by specialty?
-- Change payer and period below. Members are patients whose encounter the payer paid for.
with asked as (
    select
        'Humana' as payer_name,
        date '2021-01-01' as first_day,
        date '2021-12-31' as last_day
)

select
    encounter.specialty,
    encounter.is_restricted,
    count(*) as encounters,
    count(distinct row(patient.source_system, patient.patient_id)) as patients,
    sum(encounter.total_claim_cost) as total_claim_cost,
    sum(encounter.payer_coverage) as payer_coverage,
    sum(encounter.patient_share) as patient_share
from star.fact_encounter as encounter
inner join star.dim_payer as payer on encounter.payer_key = payer.payer_key
inner join star.dim_patient as patient on encounter.patient_key = patient.patient_key
inner join asked
    on
        payer.payer_name = asked.payer_name
        and encounter.service_date between asked.first_day and asked.last_day
group by encounter.specialty, encounter.is_restricted
order by encounters desc, encounter.specialty asc
