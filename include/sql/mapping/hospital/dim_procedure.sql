-- The codes of procedures and of encounters, each under its most frequent name in all rows received; among equally
-- frequent ones the first in the alphabet. The others are kept beside it.
-- The specialty is that of include/reference/procedure_specialty.csv. A code that is not listed there is 'general',
-- unless one of its names has the phrase of a specialty in specialty.csv: a new code of a restricted specialty is not
-- shown until somebody has listed it.
with written as (
    select
        code,
        description,
        batch_id,
        row_number
    from source_hospital.procedures
    union all
    select
        code,
        description,
        batch_id,
        row_number
    from source_hospital.encounters
    where code is not null
),

spelling as (
    select
        written.code,
        written.description,
        count(*) as times,
        max(array[batch.load_number, written.batch_id, written.row_number]) as loaded_last
    from written
    inner join landing.batch_order as batch on written.batch_id = batch.batch_id
    where batch.state in ('checked', 'loaded')
    group by written.code, written.description
),

named as (
    select
        code,
        coalesce(
            array_agg(description order by times desc, description collate "C") filter (where description is not null),
            '{}'
        ) as names,
        max(loaded_last) as loaded_last
    from spelling
    group by code
)

select
    'hospital' as source_system,
    named.code as procedure_id,
    'SNOMED CT' as code_system,
    named.names[1] as procedure_name,
    named.names[2:] as other_names,
    coalesce(specialty.specialty, listed.specialty) as specialty,
    -- a specialty that is not in specialty.csv is shown to nobody
    coalesce(specialty.is_restricted::boolean, true) as is_restricted,
    named.loaded_last[2] as batch_id,
    named.loaded_last[3] as row_number
from named
left join reference.procedure_specialty as listed
    on listed.code_system = 'SNOMED CT' and named.code = listed.code
left join lateral (
    select
        candidate.specialty,
        candidate.is_restricted
    from reference.specialty as candidate
    where
        candidate.specialty = coalesce(listed.specialty, 'general')
        or (
            listed.specialty is null
            and position(candidate.phrase in lower(array_to_string(named.names, ' '))) > 0
        )
    order by candidate.rank::integer
    limit 1
) as specialty on true
