-- star/as_of
-- The table as_of_patient: for each state that facts may point to wrongly now, the states of the same
-- member and the days on which each holds.
create temp table as_of_patient on commit drop as
select
    known.patient_key as old_key,
    state.patient_key,
    state.valid_from,
    state.valid_to
from star.member_to_rekey as changed
inner join star.dim_patient as known
    on changed.member_id = known.patient_id and known.source_system = 'billing'
inner join star.dim_patient as state
    on
        known.patient_id = state.patient_id
        and state.source_system = 'billing'
        and state.valid_from < state.valid_to
where
    changed.source_system = 'billing'
    and known.patient_key <> state.patient_key
    and changed.dimension = 'dim_patient';

analyze as_of_patient;

-- star/as_of
-- The table as_of_provider: for each state that facts may point to wrongly now, the states of the same
-- member and the days on which each holds.
create temp table as_of_provider on commit drop as
select
    known.provider_key as old_key,
    state.provider_key,
    state.facility_key,
    state.valid_from,
    state.valid_to
from star.member_to_rekey as changed
inner join star.dim_provider as known
    on changed.member_id = known.provider_id and known.source_system = 'billing'
inner join star.dim_provider as state
    on
        known.provider_id = state.provider_id
        and state.source_system = 'billing'
        and state.valid_from < state.valid_to
where
    changed.source_system = 'billing'
    and true
    and changed.dimension = 'dim_provider';

analyze as_of_provider;

-- star/rekey_fact
-- Points rows of star.fact_claim to the states of their members as of the day of service, where the load has
-- changed which those are.
-- Few rows: the indexes of their keys lead to them, one member after the other, where the table has such an index.
create temp table concerned on commit drop as
select f.ctid as place
from star.fact_claim as f
where
    f.patient_key in (select o.old_key from as_of_patient as o)
union
select f.ctid as place
from star.fact_claim as f
where
    f.provider_key in (select o.old_key from as_of_provider as o);

analyze concerned;

create temp table moved on commit drop as
select
    c.place,
    coalesce(patient.patient_key, f.patient_key) as patient_key,
    coalesce(provider.provider_key, f.provider_key) as provider_key,
    coalesce(provider.facility_key, f.facility_key) as facility_key
from concerned as c
-- The planner would read the whole table.
cross join lateral (select t.* from star.fact_claim as t where t.ctid = c.place offset 0) as f
left join as_of_patient as patient
    on
        f.patient_key = patient.old_key
        and greatest(coalesce(f.service_date, date '9999-12-30'), date '1900-01-01') >= patient.valid_from and greatest(coalesce(f.service_date, date '9999-12-30'), date '1900-01-01') < patient.valid_to
left join as_of_provider as provider
    on
        f.provider_key = provider.old_key
        and greatest(coalesce(f.service_date, date '9999-12-30'), date '1900-01-01') >= provider.valid_from and greatest(coalesce(f.service_date, date '9999-12-30'), date '1900-01-01') < provider.valid_to
where
    f.patient_key
    <> patient.patient_key
    or f.provider_key
    <> provider.provider_key
    or f.facility_key <> provider.facility_key;

analyze moved (place);

update star.fact_claim as f
set
    patient_key = m.patient_key,
    provider_key = m.provider_key,
    facility_key = m.facility_key
from moved as m
where f.ctid = m.place;

drop table concerned, moved;

-- star/rekey_fact
-- Points rows of star.fact_claim_change to the states of their members as of the day of service, where the load has
-- changed which those are.
-- Few rows: the indexes of their keys lead to them, one member after the other, where the table has such an index.
create temp table concerned on commit drop as
select f.ctid as place
from star.fact_claim_change as f
where
    f.patient_key in (select o.old_key from as_of_patient as o)
union
select f.ctid as place
from star.fact_claim_change as f
where
    f.provider_key in (select o.old_key from as_of_provider as o);

analyze concerned;

create temp table moved on commit drop as
select
    c.place,
    coalesce(patient.patient_key, f.patient_key) as patient_key,
    coalesce(provider.provider_key, f.provider_key) as provider_key,
    coalesce(provider.facility_key, f.facility_key) as facility_key
from concerned as c
-- The planner would read the whole table.
cross join lateral (select t.* from star.fact_claim_change as t where t.ctid = c.place offset 0) as f
left join as_of_patient as patient
    on
        f.patient_key = patient.old_key
        and greatest(coalesce(f.service_date, date '9999-12-30'), date '1900-01-01') >= patient.valid_from and greatest(coalesce(f.service_date, date '9999-12-30'), date '1900-01-01') < patient.valid_to
left join as_of_provider as provider
    on
        f.provider_key = provider.old_key
        and greatest(coalesce(f.service_date, date '9999-12-30'), date '1900-01-01') >= provider.valid_from and greatest(coalesce(f.service_date, date '9999-12-30'), date '1900-01-01') < provider.valid_to
where
    f.patient_key
    <> patient.patient_key
    or f.provider_key
    <> provider.provider_key
    or f.facility_key <> provider.facility_key;

analyze moved (place);

update star.fact_claim_change as f
set
    patient_key = m.patient_key,
    provider_key = m.provider_key,
    facility_key = m.facility_key
from moved as m
where f.ctid = m.place;

drop table concerned, moved;

-- star/claim_version
-- The relation claim_version: every version of the claims that the load touches, with its place in the claim's
-- history, its money as a difference to the version before, and its surrogate keys. A version of a feed of
-- transactions adds its amounts to those of the version before; one of a feed of states replaces them.
-- A first load brings one version of each claim: then it is a view (no sort, no copy).











create temp table received on commit drop as
with brought as not materialized (
    select * from source_billing.star_fact_claim
    where batch_id = any('{}'::bigint[])
)

select b.*
from brought as b
order by b.claim_id;

analyze received (claim_id);

-- What the star holds of these claims; of a claim of one version, that is everything. Look-ups in the order of the
-- key find their pages in memory, at a fifth of the cost of the planner's choice, which reads the whole table.
set local enable_hashjoin = off;
set local enable_mergejoin = off;

create temp table known on commit drop as
select
    f.ctid as place,
    f.*
from (select distinct r.claim_id from received as r order by r.claim_id) as wanted
inner join star.fact_claim as f on f.source_system = 'billing' and wanted.claim_id = f.claim_id;

reset enable_hashjoin;
reset enable_mergejoin;
analyze known (claim_id, version_count);

create temp table claim_version on commit drop as
with calendar as materialized (
    select array_agg(date_key order by date) as date_keys from star.dim_date where date is not null
),

earlier as (
    select
        k.claim_id,
        k.batch_id,
        k.row_number,
        k.version_date,
        k.patient_key,
        k.provider_key,
        k.facility_key,
        k.payer_key,
        k.procedure_key,
        k.diagnosis_key,
        k.claim_profile_key,
        k.service_date_key,
        k.claim_date_key,
        k.paid_date_key,
        k.service_date,
        k.total_cost,
        k.covered_amount,
        k.allowed_amount,
        k.paid_amount
    from known as k
    where k.version_count = 1
    union all
    -- the amounts of a version are the sum of the differences up to it; only those of the latest can be NULL
    select
        c.claim_id,
        c.batch_id,
        c.row_number,
        c.version_date,
        c.patient_key,
        c.provider_key,
        c.facility_key,
        c.payer_key,
        c.procedure_key,
        c.diagnosis_key,
        c.claim_profile_key,
        c.service_date_key,
        c.claim_date_key,
        c.paid_date_key,
        c.service_date,
        case
            when c.version_number = k.version_count then k.total_cost else sum(c.total_cost_delta) over so_far
        end as total_cost,
        case
            when c.version_number = k.version_count then k.covered_amount else sum(c.covered_amount_delta) over so_far
        end as covered_amount,
        case
            when c.version_number = k.version_count then k.allowed_amount else sum(c.allowed_amount_delta) over so_far
        end as allowed_amount,
        case
            when c.version_number = k.version_count then k.paid_amount else sum(c.paid_amount_delta) over so_far
        end as paid_amount
    from known as k
    inner join star.fact_claim_change as c on c.source_system = 'billing' and k.claim_id = c.claim_id
    where k.version_count > 1
    window so_far as (partition by c.claim_id order by c.version_number)
),

to_describe as (
    select
        v.*,
        greatest(coalesce(v.service_date, date '9999-12-30'), date '1900-01-01') as as_of
    from received as v
),

version as (
    select
        v.claim_id,
    v.batch_id,
    v.row_number,
    v.version_at as version_date,
    coalesce(
        patient.patient_key, case v.patient_id when 'not applicable' then -2 else -1 end
    ) as patient_key,
    coalesce(
        provider.provider_key, case v.provider_id when 'not applicable' then -2 else -1 end
    ) as provider_key,
    coalesce(provider.facility_key, -1) as facility_key,
    -2::bigint as payer_key,
    -2::bigint as procedure_key,
    -2::bigint as diagnosis_key,
    coalesce(junk.claim_profile_key, -1) as claim_profile_key,
    coalesce((select calendar.date_keys from calendar)[v.service_date - date '1899-12-31'], -1) as service_date_key,
    coalesce((select calendar.date_keys from calendar)[v.claim_date - date '1899-12-31'], -1) as claim_date_key,
    -2 as paid_date_key,
    
    v.service_date as service_date,
    v.total_cost as total_cost,
    case v.coverage_type when 100 then v.total_cost else round(v.total_cost * v.coverage_type * 0.01, 2) end as covered_amount,
    null::numeric(14, 2) as allowed_amount,
    null::numeric(14, 2) as paid_amount
    from to_describe as v
    left join star.dim_patient as patient
    on
        patient.source_system = 'billing'
        and v.patient_id = patient.patient_id
        and v.as_of >= patient.valid_from and v.as_of < patient.valid_to
left join star.dim_provider as provider
    on
        provider.source_system = 'billing'
        and v.provider_id = provider.provider_id
        and v.as_of >= provider.valid_from and v.as_of < provider.valid_to
left join star.dim_claim_profile as junk
    on
        coalesce(v.visit_type, chr(1)) = coalesce(junk.visit_type, chr(1))
        and coalesce(v.coverage_type, -32768) = coalesce(junk.coverage_type, -32768)
        and coalesce(v.is_billed::integer, -1) = coalesce(junk.is_billed::integer, -1)
        and junk.claim_type is null
        and junk.plan_type is null
        and junk.claim_status is null
        and junk.status_reason is null
    union all
    -- a repeated load finds its own rows here
    select e.* from earlier as e
    where
        e.batch_id <> all('{}'::bigint[])
)

select
    'billing' as source_system,
    v.*,
    (row_number() over in_order)::integer as version_number,
    lead(v.batch_id) over in_order is null as is_latest,
    coalesce(v.total_cost, 0) - coalesce(lag(v.total_cost) over in_order, 0) as total_cost_delta,
    coalesce(v.covered_amount, 0) - coalesce(lag(v.covered_amount) over in_order, 0) as covered_amount_delta,
    coalesce(v.allowed_amount, 0) - coalesce(lag(v.allowed_amount) over in_order, 0) as allowed_amount_delta,
    coalesce(v.paid_amount, 0) - coalesce(lag(v.paid_amount) over in_order, 0) as paid_amount_delta
from version as v
inner join landing.batch_order as b on v.batch_id = b.batch_id
window in_order as (
    partition by v.claim_id order by v.version_date asc nulls first, b.newness asc, v.row_number asc
);

analyze claim_version (claim_id);

-- star/fact_claim
-- Fills star.fact_claim from claim_version: each claim in its latest state.
-- By ctid, which known has: a merge would look up all claims once more.
update star.fact_claim as f
set
    patient_key = v.patient_key,
    provider_key = v.provider_key,
    facility_key = v.facility_key,
    payer_key = v.payer_key,
    procedure_key = v.procedure_key,
    diagnosis_key = v.diagnosis_key,
    claim_profile_key = v.claim_profile_key,
    service_date_key = v.service_date_key,
    claim_date_key = v.claim_date_key,
    paid_date_key = v.paid_date_key,
    service_date = v.service_date,
    total_cost = v.total_cost,
    covered_amount = v.covered_amount,
    allowed_amount = v.allowed_amount,
    paid_amount = v.paid_amount,
    version_count = v.version_count,
    batch_id = v.batch_id,
    row_number = v.row_number,
    version_date = v.version_date
    from (
    select
        k.place,
        c.*,
        c.version_number as version_count
    from claim_version as c
    inner join known as k on c.claim_id = k.claim_id
    where c.is_latest
) as v
where
    f.ctid = v.place
    and (f.patient_key, f.provider_key, f.facility_key, f.payer_key, f.procedure_key, f.diagnosis_key, f.claim_profile_key, f.service_date_key, f.claim_date_key, f.paid_date_key, f.service_date, f.total_cost, f.covered_amount, f.allowed_amount, f.paid_amount, f.version_count, f.batch_id, f.row_number, f.version_date) is distinct from (v.patient_key, v.provider_key, v.facility_key, v.payer_key, v.procedure_key, v.diagnosis_key, v.claim_profile_key, v.service_date_key, v.claim_date_key, v.paid_date_key, v.service_date, v.total_cost, v.covered_amount, v.allowed_amount, v.paid_amount, v.version_count, v.batch_id, v.row_number, v.version_date);
insert into star.fact_claim (source_system, claim_id, patient_key, provider_key, facility_key, payer_key, procedure_key, diagnosis_key, claim_profile_key, service_date_key, claim_date_key, paid_date_key, service_date, total_cost, covered_amount, allowed_amount, paid_amount, version_count, batch_id, row_number, version_date)
select
    v.source_system,
    v.claim_id,
    v.patient_key,
    v.provider_key,
    v.facility_key,
    v.payer_key,
    v.procedure_key,
    v.diagnosis_key,
    v.claim_profile_key,
    v.service_date_key,
    v.claim_date_key,
    v.paid_date_key,
    v.service_date,
    v.total_cost,
    v.covered_amount,
    v.allowed_amount,
    v.paid_amount,
    v.version_number as version_count,
    v.batch_id,
    v.row_number,
    v.version_date
from claim_version as v
where v.is_latest and not exists (select from known as k where k.claim_id = v.claim_id);

-- star/fact_claim_change
-- Fills star.fact_claim_change from claim_version: the versions of claims that have several, money as a difference
-- to the version before. A version that comes late renumbers those after it.
merge into star.fact_claim_change as f
using (
    -- the only version of a claim meets neither condition
    select c.* from claim_version as c
    where c.version_number > 1 or not c.is_latest
) as v
    on f.claim_id = v.claim_id and f.batch_id = v.batch_id and f.row_number = v.row_number
when matched and (f.version_number, f.patient_key, f.provider_key, f.facility_key, f.payer_key, f.procedure_key, f.diagnosis_key, f.claim_profile_key, f.total_cost_delta, f.covered_amount_delta, f.allowed_amount_delta, f.paid_amount_delta) is distinct from (v.version_number, v.patient_key, v.provider_key, v.facility_key, v.payer_key, v.procedure_key, v.diagnosis_key, v.claim_profile_key, v.total_cost_delta, v.covered_amount_delta, v.allowed_amount_delta, v.paid_amount_delta) then
    update set
        version_number = v.version_number,
        patient_key = v.patient_key,
        provider_key = v.provider_key,
        facility_key = v.facility_key,
        payer_key = v.payer_key,
        procedure_key = v.procedure_key,
        diagnosis_key = v.diagnosis_key,
        claim_profile_key = v.claim_profile_key,
        total_cost_delta = v.total_cost_delta,
        covered_amount_delta = v.covered_amount_delta,
        allowed_amount_delta = v.allowed_amount_delta,
        paid_amount_delta = v.paid_amount_delta
        
when not matched then
    insert (source_system, claim_id, batch_id, row_number, version_number, version_date, patient_key, provider_key, facility_key, payer_key, procedure_key, diagnosis_key, claim_profile_key, service_date_key, claim_date_key, paid_date_key, service_date, total_cost_delta, covered_amount_delta, allowed_amount_delta, paid_amount_delta)
    values (v.source_system, v.claim_id, v.batch_id, v.row_number, v.version_number, v.version_date, v.patient_key, v.provider_key, v.facility_key, v.payer_key, v.procedure_key, v.diagnosis_key, v.claim_profile_key, v.service_date_key, v.claim_date_key, v.paid_date_key, v.service_date, v.total_cost_delta, v.covered_amount_delta, v.allowed_amount_delta, v.paid_amount_delta);
