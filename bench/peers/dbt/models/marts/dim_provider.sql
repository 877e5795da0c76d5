{{
    config(
        unique_key="provider_key",
        incremental_strategy="merge",
        merge_update_columns=["valid_to", "is_current"],
        indexes=[
            {"columns": ["provider_key"], "unique": True},
            {"columns": ["provider_id", "valid_from"], "unique": True},
        ],
    )
}}
{% if is_incremental() %}
with brought as (
    select
        brought.provider_id,
        brought.fname,
        brought.lname,
        brought.facility_name,
        brought.address,
        brought.city,
        brought.state,
        brought.zipcode,
        brought.specialty_code,
        brought.start_date,
        case
            when known.provider_id is null then date '1900-01-01'
            when brought.start_date is distinct from known.start_date then brought.start_date
            -- One that tells the same day holds from the day on which it was recorded.
            else brought.recorded_date
        end as valid_from
    from {{ ref("stg_providers") }} as brought
    left join {{ this }} as known on brought.provider_id = known.provider_id and known.is_current
)

select
    {{ version_key("provider_id", "valid_from") }} as provider_key,
    provider_id,
    fname,
    lname,
    facility_name,
    address,
    city,
    state,
    zipcode,
    specialty_code,
    start_date,
    valid_from,
    date '9999-12-31' as valid_to,
    true as is_current
from brought
union all
select
    known.provider_key,
    known.provider_id,
    known.fname,
    known.lname,
    known.facility_name,
    known.address,
    known.city,
    known.state,
    known.zipcode,
    known.specialty_code,
    known.start_date,
    known.valid_from,
    brought.valid_from as valid_to,
    false as is_current
from {{ this }} as known
inner join brought on known.provider_id = brought.provider_id
where known.is_current
{% else %}
select
    {{ version_key("provider_id", "date '1900-01-01'") }} as provider_key,
    provider_id,
    fname,
    lname,
    facility_name,
    address,
    city,
    state,
    zipcode,
    specialty_code,
    start_date,
    date '1900-01-01' as valid_from,
    date '9999-12-31' as valid_to,
    true as is_current
from {{ ref("stg_providers") }}
{% endif %}
