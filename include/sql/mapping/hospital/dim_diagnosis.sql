-- The conditions that encounters and procedures treated, each under its most frequent name; among equally frequent
-- ones the first in the alphabet.
with written as (
    select
        reason_code,
        reason_description,
        batch_id,
        row_number
    from source_hospital.procedures
    where reason_code is not null
    union all
    select
        reason_code,
        reason_description,
        batch_id,
        row_number
    from source_hospital.encounters
    where reason_code is not null
),

spelling as (
    select
        written.reason_code,
        written.reason_description,
        count(*) as times,
        max(array[batch.load_number, written.batch_id, written.row_number]) as loaded_last
    from written
    inner join landing.batch_order as batch on written.batch_id = batch.batch_id
    where batch.state in ('checked', 'loaded')
    group by written.reason_code, written.reason_description
)

select
    'hospital' as source_system,
    reason_code as diagnosis_id,
    'SNOMED CT' as code_system,
    (
        array_agg(reason_description order by times desc, reason_description collate "C")
        filter (where reason_description is not null)
    )[1] as diagnosis_name,
    (max(loaded_last))[2] as batch_id,
    (max(loaded_last))[3] as row_number
from spelling
group by reason_code
