{{
    config(
        unique_key="patient_key",
        incremental_strategy="merge",
        merge_update_columns=["valid_to", "is_current"],
        indexes=[
            {"columns": ["patient_key"], "unique": True},
            {"columns": ["patient_id", "valid_from"], "unique": True},
        ],
    )
}}
{% if is_incremental() %}
with brought as (
    select
        brought.patient_id,
        brought.fname,
        brought.lname,
        brought.date_of_birth,
        brought.address,
        brought.city,
        brought.state,
        brought.zipcode,
        brought.date_of_residence,
        case
            when known.patient_id is null then date '1900-01-01'
            when brought.date_of_residence is distinct from known.date_of_residence then brought.date_of_residence
            -- One that tells the same day holds from the day on which it was recorded.
            else brought.last_modified_date
        end as valid_from
    from {{ ref("stg_patients") }} as brought
    left join {{ this }} as known on brought.patient_id = known.patient_id and known.is_current
)

select
    {{ version_key("patient_id", "valid_from") }} as patient_key,
    patient_id,
    fname,
    lname,
    date_of_birth,
    address,
    city,
    state,
    zipcode,
    date_of_residence,
    valid_from,
    date '9999-12-31' as valid_to,
    true as is_current
from brought
union all
select
    known.patient_key,
    known.patient_id,
    known.fname,
    known.lname,
    known.date_of_birth,
    known.address,
    known.city,
    known.state,
    known.zipcode,
    known.date_of_residence,
    known.valid_from,
    brought.valid_from as valid_to,
    false as is_current
from {{ this }} as known
inner join brought on known.patient_id = brought.patient_id
where known.is_current
{% else %}
select
    {{ version_key("patient_id", "date '1900-01-01'") }} as patient_key,
    patient_id,
    fname,
    lname,
    date_of_birth,
    address,
    city,
    state,
    zipcode,
    date_of_residence,
    date '1900-01-01' as valid_from,
    date '9999-12-31' as valid_to,
    true as is_current
from {{ ref("stg_patients") }}
{% endif %}
