{% from "reporting/sql/views/published.jinja" import published with context %}
-- The values of a filter by specialty: those of the rows that the reader may see, its own specialty as default.
select distinct
    v.specialty,
    coalesce(v.specialty = security.bound_specialty(), false) as is_default
from {{ published("member_encounters") }} as v
