-- What share of each procedure's patients is uninsured? A patient counts once for a procedure; one who had it both
-- insured and uninsured counts as uninsured. Small cells are not suppressed: for use inside the house only.
with treated as (
    select
        procedure.procedure_id,
        procedure.procedure_name,
        procedure.specialty,
        patient.source_system,
        patient.patient_id,
        bool_or(not payer.is_insurer) as was_uninsured
    from star.fact_procedure as performed
    inner join star.dim_procedure as procedure on performed.procedure_key = procedure.procedure_key
    inner join star.dim_payer as payer on performed.payer_key = payer.payer_key
    inner join star.dim_patient as patient on performed.patient_key = patient.patient_key
    group by procedure.procedure_key, patient.source_system, patient.patient_id
)

select
    specialty,
    procedure_id,
    procedure_name,
    count(*) as patients,
    count(*) filter (where was_uninsured) as uninsured_patients,
    round(100.0 * count(*) filter (where was_uninsured) / count(*), 1) as uninsured_percent
from treated
group by specialty, procedure_id, procedure_name
order by uninsured_patients desc, procedure_id asc
