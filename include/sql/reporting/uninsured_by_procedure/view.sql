{% from "macros.jinja" import reader %}
-- The procedures of uninsured patients: counts with small cells suppressed.
create view reporting.uninsured_by_procedure with (security_barrier) as
select
    s.source_system,
    s.specialty,
    s.procedure_id as procedure_code,
    coalesce(p.procedure_name, s.procedure_id) as procedure_name,
    s.patients,
    s.procedures,
    s.median_cost,
    s.is_hidden,
    s.as_of
from counts.uninsured_by_procedure as s
inner join {{ reader("uninsured_by_procedure", "aggregate") }}
left join star.dim_procedure as p on s.source_system = p.source_system and s.procedure_id = p.procedure_id;

comment on view reporting.uninsured_by_procedure is 'What is done for the uninsured';
