{% from "macros.jinja" import counts with context %}
-- The procedures of uninsured patients: counts with small cells suppressed.
select
    s.source_system,
    s.specialty,
    s.procedure_id as procedure_code,
    coalesce(p.procedure_name, s.procedure_id) as procedure_name,
    s.patients,
    s.procedures,
    s.median_cost,
    s.is_hidden,
    case when not s.is_hidden then 'shown' when s.patients is null then 'hidden' else 'older' end as small_numbers,
    s.as_of
from {{ counts("uninsured_by_procedure") }} as s
left join star.dim_procedure as p on s.source_system = p.source_system and s.procedure_id = p.procedure_id
