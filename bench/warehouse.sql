-- The star of a warehouse of {claims} claims, and of the other facts in proportion, for measurements of reading.
-- Every value follows from the number of the row, and no two of them from each other, unless they do so in life: a
-- provider works in one facility, for two payers, and does three procedures.
create function pg_temp.pick(n bigint, seed bigint, many bigint) returns bigint
language sql immutable
return abs(hashint8extended(n, seed) % many);

-- Billing
insert into star.dim_patient (
    source_system, patient_id, first_name, last_name, city, state, valid_from, valid_to, is_current
)
select
    'billing',
    'P' || n,
    'First' || pg_temp.pick(n, 1, 5000),
    'Last' || pg_temp.pick(n, 2, 20000),
    'City ' || n % 300,
    'NY',
    '1900-01-01',
    '9999-12-31',
    true
from generate_series(1, {claims} / 10) as n;

insert into star.dim_facility (source_system, facility_id, facility_name, state)
select
    s.source_system,
    'F' || n,
    'Facility ' || n,
    'NY'
from (values ('billing', 500), ('hospital', 20), ('clinic', 12), ('pended', 200)) as s (source_system, many)
cross join lateral generate_series(1, s.many) as n;

insert into star.dim_provider (
    source_system, provider_id, first_name, last_name, specialty, provider_group, facility_key, facility_name,
    valid_from, valid_to, is_current
)
select
    s.source_system,
    'D' || n,
    'First' || n % 500,
    'Doctor ' || n,
    (
        array[
            'orthopedist', 'physical_therapist', 'heart_surgeon', 'family_physician', 'dentist', 'dermatologist',
            'neurologist', 'internist'
        ]
    )[n % 8 + 1],
    'Group ' || n % 150,
    f.low + n % f.many,
    'Facility ' || n % f.many + 1,
    '1900-01-01',
    '9999-12-31',
    true
from (
    values
    ('billing', greatest({claims} / 1000, 100)),
    ('hospital', 200),
    ('clinic', 200),
    ('pended', greatest({claims} / 5000, 100))
) as s (source_system, many)
inner join (
    select
        g.source_system,
        min(g.facility_key) as low,
        count(*) as many
    from star.dim_facility as g
    group by g.source_system
) as f on s.source_system = f.source_system
cross join lateral generate_series(1, s.many) as n;

insert into star.dim_payer (source_system, payer_id, payer_name, is_insurer)
select
    s.source_system,
    'Y' || n,
    coalesce((array['Humana', 'UnitedHealthcare', 'Uninsured'])[n], 'Payer ' || n),
    n <> 3
from (values ('billing', 20), ('hospital', 10)) as s (source_system, many)
cross join lateral generate_series(1, s.many) as n;

insert into star.dim_procedure (source_system, procedure_id, procedure_name, specialty, is_restricted)
select
    s.source_system,
    'C' || n,
    'Procedure ' || n,
    case
        when n % 100 = 0 then 'hospice'
        else (
            array[
                'cardiology', 'dialysis', 'oncology', 'obstetrics', 'general', 'dental', 'orthopedics', 'surgery'
            ]
        )[n % 8 + 1]
    end,
    n % 100 = 0
from (values ('billing', 300), ('hospital', 300)) as s (source_system, many)
cross join lateral generate_series(1, s.many) as n;

-- By status first: the profiles of a status are 144 in a row.
insert into star.dim_claim_profile (
    visit_type, coverage_type, is_billed, claim_type, plan_type, claim_status, claim_status_counts_as
)
select
    v.visit_type,
    c.coverage_type,
    b.is_billed,
    't' || k.n % 3,
    'p' || k.n % 2,
    s.word,
    s.word
from unnest(array['paid', 'denied', 'pending', 'reversed', 'unknown']) with ordinality as s (word, place)
cross join unnest(array['physical', 'routine', 'illness', 'surgery']) as v (visit_type)
cross join unnest(array[0, 50, 100]) as c (coverage_type)
cross join unnest(array[true, false]) as b (is_billed)
cross join generate_series(0, 5) as k (n)
order by s.place, v.visit_type, c.coverage_type, b.is_billed, k.n;

insert into star.fact_claim (
    source_system, claim_id, patient_key, provider_key, facility_key, payer_key, procedure_key, diagnosis_key,
    claim_profile_key, service_date_key, claim_date_key, paid_date_key, service_date, total_cost, covered_amount,
    allowed_amount, paid_amount, version_count, batch_id, row_number
)
select
    'billing',
    'CLM' || n,
    p.low + pg_temp.pick(n, 1, p.many),
    v.low + r.provider,
    coalesce(w.facility_key, -1),
    y.low + (r.provider * 7 + pg_temp.pick(n, 2, 2)) % y.many,
    c.low + (r.provider * 11 + pg_temp.pick(n, 3, 3)) % c.many,
    -2,
    f.low + r.status * 144 + pg_temp.pick(n, 4, 24) * 6 + r.provider % 6,
    to_char(r.day, 'YYYYMMDD')::integer,
    to_char(r.day + pg_temp.pick(n, 5, 20)::integer, 'YYYYMMDD')::integer,
    case when r.status = 0 then to_char(r.day + 20 + pg_temp.pick(n, 6, 60)::integer, 'YYYYMMDD')::integer else -1 end,
    r.day,
    r.cost,
    r.cost / 2,
    r.cost * 0.6,
    case
        when r.status = 0 and n % 10 = 0 then r.cost * 0.5
        when r.status = 0 then r.cost * 0.6
        when r.status < 3 then 0
    end,
    1,
    1,
    n
from generate_series(1, {claims}) as n
cross join (
    select min(patient_key) as low, count(*) as many from star.dim_patient where source_system = 'billing'
) as p
cross join (
    select min(provider_key) as low, count(*) as many from star.dim_provider where source_system = 'billing'
) as v
cross join (select min(payer_key) as low, count(*) as many from star.dim_payer where source_system = 'billing') as y
cross join (
    select min(procedure_key) as low, count(*) as many from star.dim_procedure where source_system = 'billing'
) as c
cross join (select min(claim_profile_key) as low from star.dim_claim_profile where claim_profile_key > 0) as f
cross join lateral (
    select
        pg_temp.pick(n, 7, v.many) as provider,
        greatest(pg_temp.pick(n, 8, 24) - 19, 0) as status,
        date '2016-01-01' + pg_temp.pick(n, 9, 1461)::integer as day,
        (100 + pg_temp.pick(n, 10, 200000)) / 100.0 as cost
) as r
left join star.dim_provider as w on v.low + r.provider = w.provider_key;

-- The hospital: an encounter for ten claims, two procedures each.
insert into star.dim_patient (
    source_system, patient_id, first_name, last_name, birth_date, gender, city, state, zipcode, valid_from, valid_to,
    is_current
)
select
    'hospital',
    'H' || n,
    'First' || pg_temp.pick(n, 1, 5000),
    'Last' || pg_temp.pick(n, 2, 20000),
    date '1930-01-01' + pg_temp.pick(n, 3, 30000)::integer,
    case when n % 2 = 0 then 'M' else 'F' end,
    'City ' || n % 100,
    'Massachusetts',
    (1001 + n % 700)::text,
    '1900-01-01',
    '9999-12-31',
    true
from generate_series(1, greatest({claims} / 100, 100)) as n;

insert into star.dim_encounter_profile (encounter_class, modality, modality_counts_as)
select
    c.encounter_class,
    m.modality,
    m.modality
from unnest(array['ambulatory', 'inpatient', 'emergency', 'virtual']) as c (encounter_class)
cross join unnest(array['telehealth', 'in person']) as m (modality);

insert into star.fact_encounter (
    source_system, encounter_id, patient_key, provider_key, facility_key, payer_key, procedure_key, diagnosis_key,
    encounter_profile_key, service_date_key, specialty, is_restricted, service_date, started_at, stopped_at,
    length_minutes, base_cost, total_claim_cost, payer_coverage, patient_share, batch_id, row_number
)
select
    'hospital',
    'E' || n,
    p.low + pg_temp.pick(n, 1, p.many),
    -2,
    -1,
    y.low + pg_temp.pick(n, 2, y.many),
    -2,
    -2,
    e.low + pg_temp.pick(n, 3, e.many),
    to_char(r.day, 'YYYYMMDD')::integer,
    case
        when n % 400 = 0 then 'hospice'
        else (
            array[
                'cardiology', 'dialysis', 'oncology', 'obstetrics', 'general', 'dental', 'orthopedics', 'surgery'
            ]
        )[pg_temp.pick(n, 4, 8) + 1]
    end,
    n % 400 = 0,
    r.day,
    r.day + time '08:00',
    r.day + time '09:00',
    60,
    r.cost / 2,
    r.cost,
    r.cost * 0.8,
    r.cost * 0.2,
    2,
    n
from generate_series(1, {claims} / 10) as n
cross join (
    select min(patient_key) as low, count(*) as many from star.dim_patient where source_system = 'hospital'
) as p
cross join (select min(payer_key) as low, count(*) as many from star.dim_payer where source_system = 'hospital') as y
cross join (
    select min(encounter_profile_key) as low, count(*) as many
    from star.dim_encounter_profile
    where encounter_profile_key > 0
) as e
cross join lateral (
    select
        date '2011-01-01' + pg_temp.pick(n, 5, 4000)::integer as day,
        (100 + pg_temp.pick(n, 6, 500000)) / 100.0 as cost
) as r;

insert into star.fact_procedure (
    source_system, encounter_id, procedure_id, started_at, patient_key, facility_key, payer_key, procedure_key,
    diagnosis_key, service_date_key, is_restricted, service_date, stopped_at, length_minutes, base_cost, batch_id,
    row_number
)
select
    'hospital',
    f.encounter_id,
    c.procedure_id,
    f.started_at + k.n * interval '10 minutes',
    f.patient_key,
    f.facility_key,
    f.payer_key,
    c.procedure_key,
    -2,
    f.service_date_key,
    f.is_restricted or c.is_restricted,
    f.service_date,
    f.started_at + k.n * interval '20 minutes',
    10,
    (100 + pg_temp.pick(f.row_number, 7 + k.n, 90000)) / 100.0,
    2,
    f.row_number * 2 + k.n
from star.fact_encounter as f
cross join generate_series(0, 1) as k (n)
inner join star.dim_procedure as c
    on
        f.source_system = c.source_system
        -- Hospice is rare.
        and 'C' || case
            when f.row_number % 400 = 0 then 100
            else pg_temp.pick(f.row_number, 9 + k.n, 99) + 1 + 100 * pg_temp.pick(f.row_number, 11 + k.n, 3)
        end = c.procedure_id
where f.source_system = 'hospital';

-- The clinics: an appointment for ten claims, half of them with a visit, a quarter with an answer.
insert into star.dim_patient (
    source_system, patient_id, city, state, age_group, payer_type, valid_from, valid_to, is_current
)
select
    'clinic',
    'K' || n,
    'City ' || n % 50,
    'NY',
    'age ' || n % 6,
    'payer type ' || n % 5,
    '1900-01-01',
    '9999-12-31',
    true
from generate_series(1, greatest({claims} / 100, 100)) as n;

insert into star.dim_appointment_profile (appointment_status, appointment_status_counts_as)
select
    s.word,
    lower(s.word)
from unnest(array['COMPLETED', 'CANCELLED', 'NO_SHOW', 'RESCHEDULED']) with ordinality as s (word, place)
order by s.place;

insert into star.fact_appointment (
    source_system, appointment_id, patient_key, provider_key, facility_key, appointment_profile_key, service_date_key,
    service_date, scheduled_at, completed_count, cancelled_count, no_show_count, rescheduled_count, batch_id,
    row_number
)
select
    'clinic',
    'A' || n,
    p.low + pg_temp.pick(n, 1, p.many),
    v.provider_key,
    v.facility_key,
    a.low + r.status,
    to_char(r.day, 'YYYYMMDD')::integer,
    r.day,
    r.day + time '10:00',
    (r.status = 0)::integer,
    (r.status = 1)::integer,
    (r.status = 2)::integer,
    (r.status = 3)::integer,
    3,
    n
from generate_series(1, {claims} / 10) as n
cross join (
    select min(patient_key) as low, count(*) as many from star.dim_patient where source_system = 'clinic'
) as p
cross join (
    select min(appointment_profile_key) as low from star.dim_appointment_profile where appointment_profile_key > 0
) as a
cross join lateral (
    select
        greatest(pg_temp.pick(n, 2, 8) - 4, 0) as status,
        date '2023-01-01' + pg_temp.pick(n, 3, 1095)::integer as day
) as r
inner join star.dim_provider as v on v.source_system = 'clinic' and 'D' || n % 200 + 1 = v.provider_id;

insert into star.fact_encounter (
    source_system, encounter_id, patient_key, provider_key, facility_key, payer_key, procedure_key, diagnosis_key,
    encounter_profile_key, service_date_key, appointment_id, service_date, started_at, stopped_at, length_minutes,
    total_claim_cost, batch_id, row_number
)
select
    f.source_system,
    'V' || f.row_number,
    f.patient_key,
    f.provider_key,
    f.facility_key,
    -1,
    -2,
    -1,
    e.low + f.row_number % 8,
    f.service_date_key,
    f.appointment_id,
    f.service_date,
    f.scheduled_at,
    f.scheduled_at + interval '30 minutes',
    10 + pg_temp.pick(f.row_number, 4, 50),
    100 + pg_temp.pick(f.row_number, 5, 300),
    3,
    f.row_number
from star.fact_appointment as f
cross join (
    select min(encounter_profile_key) as low from star.dim_encounter_profile where encounter_profile_key > 0
) as e
where f.completed_count = 1;

insert into star.bridge_visit_provider (
    source_system, encounter_id, provider_key, service_date, role, batch_id, row_number
)
select
    f.source_system,
    f.encounter_id,
    f.provider_key,
    f.service_date,
    'Primary',
    3,
    f.row_number
from star.fact_encounter as f
where f.source_system = 'clinic';

insert into star.fact_survey (
    source_system, encounter_id, patient_key, provider_key, facility_key, service_date_key, service_date,
    satisfaction_score, has_comment, batch_id, row_number
)
select
    f.source_system,
    f.encounter_id,
    f.patient_key,
    f.provider_key,
    f.facility_key,
    f.service_date_key,
    f.service_date,
    1 + pg_temp.pick(f.row_number, 6, 5),
    false,
    3,
    f.row_number
from star.fact_encounter as f
where f.source_system = 'clinic' and f.row_number % 2 = 0;

-- The pend queue: a claim for forty, each in two of 90 reports.
insert into star.dim_patient (
    source_system, patient_id, first_name, last_name, valid_from, valid_to, is_current
)
select
    'pended',
    'M' || n,
    'First' || n % 5000,
    'Last' || n % 20000,
    '1900-01-01',
    '9999-12-31',
    true
from generate_series(1, greatest({claims} / 100, 100)) as n;

insert into star.dim_pended_profile (note_category, age_bucket, age_bucket_position, age_group, outcome)
select
    'category ' || k.n,
    b.age_bucket,
    b.place,
    b.age_group,
    o.outcome
from generate_series(0, 5) as k (n)
cross join (
    values ('0-9', 1, '<=30'), ('10-20', 2, '<=30'), ('31-44', 5, '>30'), ('over 90', 8, '>30')
) as b (age_bucket, place, age_group)
cross join unnest(array['pended', 'cleared', 'left']) as o (outcome);

insert into star.fact_pended_claim (
    source_system, claim_id, patient_key, provider_key, facility_key, pended_profile_key, received_date_key,
    first_pended_date_key, last_pended_date_key, left_date_key, cleared_date_key, service_date, total_charge,
    report_count, days_to_first_report, days_pended, days_to_clear, pended_count, cleared_count, left_count,
    batch_id, row_number
)
select
    'pended',
    'Q' || n,
    p.low + pg_temp.pick(n, 1, p.many),
    v.low + pg_temp.pick(n, 2, v.many),
    l.low + pg_temp.pick(n, 3, l.many),
    f.low + pg_temp.pick(n, 4, f.many),
    to_char(r.day - r.days, 'YYYYMMDD')::integer,
    to_char(r.day, 'YYYYMMDD')::integer,
    to_char(r.day + 1, 'YYYYMMDD')::integer,
    case when r.is_gone then to_char(r.day + 2, 'YYYYMMDD')::integer else -1 end,
    case when r.is_gone and n % 5 > 0 then to_char(r.day + 2, 'YYYYMMDD')::integer else -1 end,
    r.day,
    (100 + pg_temp.pick(n, 6, 90000)) / 100.0,
    2,
    r.days,
    r.days + 2,
    case when r.is_gone and n % 5 > 0 then r.days + 2 end,
    (not r.is_gone)::integer,
    (r.is_gone and n % 5 > 0)::integer,
    (r.is_gone and n % 5 = 0)::integer,
    4,
    n
from generate_series(1, {claims} / 40) as n
cross join (
    select min(patient_key) as low, count(*) as many from star.dim_patient where source_system = 'pended'
) as p
cross join (
    select min(provider_key) as low, count(*) as many from star.dim_provider where source_system = 'pended'
) as v
cross join (
    select min(facility_key) as low, count(*) as many from star.dim_facility where source_system = 'pended'
) as l
cross join (
    select min(pended_profile_key) as low, count(*) as many
    from star.dim_pended_profile
    where pended_profile_key > 0
) as f
cross join lateral (
    select
        date '2025-01-01' + n % 89 as day,
        pg_temp.pick(n, 5, 120)::integer as days,
        n % 89 < 88 as is_gone
) as r;

insert into star.fact_pended_queue (
    source_system, claim_id, report_date, patient_key, provider_key, facility_key, pended_profile_key,
    report_date_key, received_date_key, left_date_key, service_date, age_days, total_charge, entered_count,
    cleared_count, left_count, batch_id, row_number
)
select
    f.source_system,
    f.claim_id,
    f.service_date + k.n,
    f.patient_key,
    f.provider_key,
    f.facility_key,
    f.pended_profile_key,
    to_char(f.service_date + k.n, 'YYYYMMDD')::integer,
    f.received_date_key,
    case when k.n = 1 then f.left_date_key else -1 end,
    f.service_date + k.n,
    f.days_to_first_report + k.n,
    f.total_charge,
    (k.n = 0)::integer,
    f.cleared_count * k.n,
    f.left_count * k.n,
    4,
    f.row_number * 2 + k.n
from star.fact_pended_claim as f
cross join generate_series(0, 1) as k (n);

drop function pg_temp.pick;
