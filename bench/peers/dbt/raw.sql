-- The newest files as text. A load that is repeated reads them again, so they need no log.
create schema if not exists raw;

create unlogged table if not exists raw.patients (
    patient_id text,
    fname text,
    lname text,
    date_of_birth text,
    address text,
    city text,
    state text,
    zipcode text,
    date_of_residence text,
    last_modified_date text
);

create unlogged table if not exists raw.providers (
    provider_id text,
    fname text,
    lname text,
    facility_name text,
    address text,
    city text,
    state text,
    zipcode text,
    specialty_code text,
    start_date text
);

create unlogged table if not exists raw.claims (
    claim_id text,
    patient_id text,
    provider_id text,
    visit_type text,
    total_cost text,
    coverage_type text,
    date_of_service text,
    claim_date text,
    billed text,
    last_modified_date text
);

truncate raw.patients, raw.providers, raw.claims
