-- A version that tells the same day as the one before it holds from the day on which it was recorded.
update dim_patient as known
set
    is_current = false,
    valid_to = case
        when brought.date_of_residence is distinct from known.date_of_residence then brought.date_of_residence
        else brought.last_modified_date
    end
from patients as brought
where known.patient_id = brought.patient_id and known.is_current;

insert into dim_patient (
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
    valid_to,
    is_current
)
with ended as (
    select
        patient_id,
        max(valid_to) as valid_to
    from dim_patient
    group by patient_id
)

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
    coalesce(ended.valid_to, date '1900-01-01') as valid_from,
    date '9999-12-31' as valid_to,
    true as is_current
from patients as brought
left join ended on brought.patient_id = ended.patient_id;

analyze dim_patient
