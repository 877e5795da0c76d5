-- A version that tells the same day as the one before it holds from the day on which it was recorded.
update dim_provider as known
set
    is_current = false,
    valid_to = case
        when brought.start_date is distinct from known.start_date then brought.start_date
        else current_date
    end
from providers as brought
where known.provider_id = brought.provider_id and known.is_current;

insert into dim_provider (
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
    valid_to,
    is_current
)
with ended as (
    select
        provider_id,
        max(valid_to) as valid_to
    from dim_provider
    group by provider_id
)

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
    coalesce(ended.valid_to, date '1900-01-01') as valid_from,
    date '9999-12-31' as valid_to,
    true as is_current
from providers as brought
left join ended on brought.provider_id = ended.provider_id;

analyze dim_provider
