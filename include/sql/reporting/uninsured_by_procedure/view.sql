{% from "macros.jinja" import reader %}
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
comment on column reporting.uninsured_by_procedure.source_system is 'Where the procedures were done';
comment on column reporting.uninsured_by_procedure.specialty is 'The specialty of the procedure, or all';
comment on column reporting.uninsured_by_procedure.procedure_code is
'Its SNOMED CT code; all in a total of the specialty';
comment on column reporting.uninsured_by_procedure.procedure_name is 'What was done; all in a total of the specialty';
comment on column reporting.uninsured_by_procedure.patients is
'Distinct patients whom nobody insured; empty where a small count could be found out';
comment on column reporting.uninsured_by_procedure.procedures is
'How often it was done; empty where the patients are';
comment on column reporting.uninsured_by_procedure.median_cost is
'The median cost, in dollars; empty where the patients are';
comment on column reporting.uninsured_by_procedure.is_hidden is
'True where the newest value is hidden: the row is empty, or shows an older value as of the time beside it';
comment on column reporting.uninsured_by_procedure.as_of is 'When the data behind the row were loaded (UTC)';
