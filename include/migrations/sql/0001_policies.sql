-- The owners of the secured views. They own no table and cannot bypass row-level security, so a
-- view of theirs shows what the policies below let through. reporting_owner is not even granted a
-- patient's name, identified_owner is; raw_owner reads source tables, metrics_owner has the metrics.

do $$
declare
    name text;
begin
    foreach name in array array[
        'reporting_owner', 'identified_owner', 'raw_owner', 'metrics_owner', 'tableau_service'
    ] loop
        begin
            execute format('create role %I nologin', name);
        exception when duplicate_object or unique_violation then null;  -- roles belong to the server
        end;
    end loop;
end
$$;

grant usage, create on schema reporting to reporting_owner, identified_owner, raw_owner, metrics_owner;
grant usage, create on schema metrics to metrics_owner;
grant usage on schema star, security, reference to reporting_owner, identified_owner, metrics_owner;
grant usage on schema security to raw_owner, tableau_service;
grant execute on function security.bind to tableau_service;
grant select on
security.reader, security.reader_report, security.reader_entitlement, security.data_as_of
to reporting_owner, identified_owner, raw_owner, metrics_owner;
grant select on
security.reader_provider, security.reader_payer, security.reader_procedure, security.hidden_procedure,
security.restricted_encounter, security.hidden_encounter, security.tableau_entitlement
to reporting_owner, identified_owner, metrics_owner;
grant select on security.readable_batch to raw_owner;

grant select on all tables in schema star to identified_owner, metrics_owner;

create schema summary;
comment on schema summary is 'Counts about people who are not the reader''s own, small cells hidden';
grant usage on schema summary to reporting_owner;

-- The identifiers a view of reporting_owner must know to make a pseudonym of them are granted; the
-- policies hide whose they are, and no view shows them.
grant select (
    source_system, claim_id, patient_key, provider_key, facility_key, payer_key, procedure_key, diagnosis_key,
    claim_profile_key, service_date_key, claim_date_key, paid_date_key, service_date, total_cost, covered_amount,
    allowed_amount, paid_amount
) on star.fact_claim to reporting_owner;
grant select on
star.fact_encounter, star.fact_procedure, star.fact_appointment, star.fact_survey, star.bridge_visit_provider,
star.fact_pended_claim, star.fact_pended_queue
to reporting_owner;
grant select (
    patient_key, source_system, patient_id, birth_date, death_date, city, state, zipcode, gender, age_group,
    payer_type
) on star.dim_patient to reporting_owner;
-- Who treats, where and for whom is public: the contracts classify it so.
grant select on
star.dim_date, star.dim_payer, star.dim_procedure, star.dim_provider, star.dim_facility, star.dim_claim_profile,
star.dim_encounter_profile, star.dim_appointment_profile, star.dim_pended_profile
to reporting_owner;

-- Row-level security: it binds every role but a table's owner, who loads it. A table of the star without
-- a policy shows nobody anything, and a publication refuses one where it is off. Each sub-query is
-- uncorrelated, so the server runs it once and looks rows up in a hash table.

do $$
declare
    name text;
begin
    for name in select c.relname from pg_class as c where c.relnamespace = 'star'::regnamespace and c.relkind in ('r', 'p')
    loop
        execute format('alter table star.%I enable row level security', name);
    end loop;
end
$$;

-- Of descriptions that name nobody, all.
create policy reporting on star.dim_date
for select to reporting_owner, identified_owner, metrics_owner using (true);
create policy reporting on star.dim_claim_profile
for select to reporting_owner, identified_owner, metrics_owner using (true);
create policy reporting on star.dim_encounter_profile
for select to reporting_owner, identified_owner, metrics_owner using (true);
create policy reporting on star.dim_appointment_profile
for select to reporting_owner, identified_owner, metrics_owner using (true);
create policy reporting on star.dim_diagnosis
for select to reporting_owner, identified_owner, metrics_owner using (true);
create policy reporting on star.dim_facility
for select to reporting_owner, identified_owner, metrics_owner using (true);
create policy reporting on star.dim_payer
for select to reporting_owner, identified_owner, metrics_owner using (true);
create policy reporting on star.dim_procedure
for select to reporting_owner, identified_owner, metrics_owner using (
    procedure_key not in (select h.procedure_key from security.hidden_procedure as h)
);

create policy reporting on star.dim_provider
for select to reporting_owner, identified_owner, metrics_owner using (
    provider_key in (select p.provider_key from security.reader_provider as p)
    or source_system in (
        select e.source_system
        from security.reader_entitlement as e
        where e.kind in ('payer', 'procedure_specialty', 'every_row')
    )
);
comment on policy reporting on star.dim_provider is
'Those of the caller''s specialties; of a source where something else decides whose rows it sees, all';

create policy reporting on star.dim_patient
for select to reporting_owner, identified_owner, metrics_owner using (
    patient_key < 0
    or source_system in (
        select e.source_system
        from security.reader_entitlement as e
        where e.kind in ('provider_specialty', 'payer', 'procedure_specialty', 'every_row')
    )
);
comment on policy reporting on star.dim_patient is
'By source alone, so a view must come to its patients through the facts: see docs/decisions/0003';

create policy reporting on star.fact_claim for select to reporting_owner, identified_owner, metrics_owner using (
    (
        provider_key in (select p.provider_key from security.reader_provider as p)
        or payer_key in (select p.payer_key from security.reader_payer as p)
        or procedure_key in (select p.procedure_key from security.reader_procedure as p)
        or source_system in (
            select e.source_system from security.reader_entitlement as e where e.kind = 'every_row'
        )
    )
    and procedure_key not in (select h.procedure_key from security.hidden_procedure as h)
);

create policy reporting on star.fact_claim_change for select to reporting_owner, identified_owner, metrics_owner using (
    (
        provider_key in (select p.provider_key from security.reader_provider as p)
        or payer_key in (select p.payer_key from security.reader_payer as p)
        or procedure_key in (select p.procedure_key from security.reader_procedure as p)
        or source_system in (
            select e.source_system from security.reader_entitlement as e where e.kind = 'every_row'
        )
    )
    and procedure_key not in (select h.procedure_key from security.hidden_procedure as h)
);
comment on policy reporting on star.fact_claim_change is 'As on fact_claim, whose earlier versions these are';

create policy reporting on star.fact_encounter for select to reporting_owner, identified_owner, metrics_owner using (
    (
        payer_key in (select p.payer_key from security.reader_payer as p)
        or provider_key in (select p.provider_key from security.reader_provider as p)
        or (source_system, specialty) in (
            select
                e.source_system,
                e.value
            from security.reader_entitlement as e
            where e.kind = 'procedure_specialty'
        )
        or source_system in (
            select e.source_system from security.reader_entitlement as e where e.kind = 'every_row'
        )
    )
    and (source_system, encounter_id) not in (
        select
            h.source_system,
            h.encounter_id
        from security.hidden_encounter as h
    )
);

create policy reporting on star.fact_procedure for select to reporting_owner, identified_owner, metrics_owner using (
    (
        payer_key in (select p.payer_key from security.reader_payer as p)
        or procedure_key in (select p.procedure_key from security.reader_procedure as p)
        or source_system in (
            select e.source_system from security.reader_entitlement as e where e.kind = 'every_row'
        )
    )
    and procedure_key not in (select h.procedure_key from security.hidden_procedure as h)
    and (source_system, encounter_id) not in (
        select
            h.source_system,
            h.encounter_id
        from security.hidden_encounter as h
    )
    and (
        not is_restricted
        or (source_system, encounter_id) in (
            select
                k.source_system,
                k.encounter_id
            from security.restricted_encounter as k
        )
    )
);
comment on policy reporting on star.fact_procedure is
'Nothing of an encounter in which anything was done that the caller may not see';
