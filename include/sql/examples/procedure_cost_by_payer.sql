-- What does each procedure cost each payer, compared with the median of all payers? An index of 1.10 is ten percent
-- above it. The uninsured are a payer of their own, so what they are charged counts too.
with overall as (
    select
        procedure_key,
        percentile_cont(0.5) within group (order by base_cost) as median_cost
    from star.fact_procedure
    group by procedure_key
)

select
    payer.payer_name,
    procedure.specialty,
    procedure.procedure_id,
    procedure.procedure_name,
    count(*) as procedures,
    count(distinct row(patient.source_system, patient.patient_id)) as patients,
    sum(performed.base_cost) as total_cost,
    percentile_cont(0.5) within group (order by performed.base_cost) as median_cost,
    overall.median_cost as overall_median_cost,
    round(
        (percentile_cont(0.5) within group (order by performed.base_cost) / nullif(overall.median_cost, 0))::numeric, 3
    ) as cost_index
from star.fact_procedure as performed
inner join overall on performed.procedure_key = overall.procedure_key
inner join star.dim_procedure as procedure on performed.procedure_key = procedure.procedure_key
inner join star.dim_payer as payer on performed.payer_key = payer.payer_key
inner join star.dim_patient as patient on performed.patient_key = patient.patient_key
group by payer.payer_name, procedure.procedure_key, overall.median_cost
order by payer.payer_name asc, procedures desc, procedure.procedure_id asc
