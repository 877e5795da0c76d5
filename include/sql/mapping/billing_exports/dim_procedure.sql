-- What was done or sold: codes, whose form identifies the code system, and drugs by name. The files have no names of
-- codes. The specialty of a code is in include/reference/procedure_specialty.csv; every CDT code is dental.
with named as (
    select
        coalesce(procedure_code, drug_name) as procedure_id,
        case
            when procedure_code ~ '^D[0-9]{4}$' then 'CDT'
            when procedure_code ~ '^[A-Z]' then 'HCPCS'
            when procedure_code is not null then 'CPT'
            else 'drug name'
        end as code_system,
        case when procedure_code is null then drug_name end as procedure_name,
        batch_id,
        row_number
    from source_billing_exports.star_shape_claim
    where num_nonnulls(procedure_code, drug_name) > 0
)

select distinct on (named.batch_id, named.procedure_id)
    'billing_exports' as source_system,
    named.procedure_id,
    named.code_system,
    named.procedure_name,
    specialty.specialty,
    specialty.is_restricted::boolean as is_restricted,
    named.batch_id,
    named.row_number
from named
left join reference.procedure_specialty as listed
    on named.code_system = listed.code_system and named.procedure_id = listed.code
left join reference.specialty as specialty
    on specialty.specialty = coalesce(
        listed.specialty, case named.code_system when 'CDT' then 'dental' else 'general' end
    )
order by named.batch_id, named.procedure_id, named.row_number
