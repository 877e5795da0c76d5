create table if not exists dim_patient (
    patient_key bigint primary key,
    patient_id text not null,
    fname text,
    lname text,
    date_of_birth date,
    address text,
    city text,
    state text,
    zipcode text,
    date_of_residence date,
    last_modified_date date,
    valid_from date not null,
    valid_to date not null,
    is_current boolean not null,
    unique (patient_id, valid_from)
);

create table if not exists dim_provider (
    provider_key bigint primary key,
    provider_id text not null,
    fname text,
    lname text,
    facility_name text,
    address text,
    city text,
    state text,
    zipcode text,
    specialty_code text,
    start_date date,
    valid_from date not null,
    valid_to date not null,
    is_current boolean not null,
    unique (provider_id, valid_from)
);

create table if not exists fact_claim (
    claim_id text not null,
    patient_id text not null,
    provider_id text not null,
    visit_type text,
    total_cost numeric(12, 2),
    coverage_type smallint,
    service_date date,
    claim_date date,
    is_billed boolean,
    last_modified_date date,
    patient_key bigint,
    provider_key bigint
);
