{% from "macros.jinja" import counts with context %}
-- Patients of other payers: counts with small cells suppressed. For the reader's own members see members_helped.
-- Restricted encounters are part of no total; their rows are shown to entitled readers only.
select
    s.source_system,
    s.year,
    s.quarter,
    s.specialty,
    s.patients,
    s.encounters,
    s.total_claim_cost,
    s.is_hidden,
    case when not s.is_hidden then 'shown' when s.patients is null then 'hidden' else 'older' end as small_numbers,
    s.as_of
from {{ counts("hospital_activity") }} as s
where s.restricted_specialty = '' or s.specialty <> 'all'
