-- sqlfluff:templater:jinja:context:is_first:false
-- sqlfluff:templater:jinja:context:part:">= 0"
-- sqlfluff:indentation:template_blocks_indent:false
-- The relation claim_version: every version of the claims the load touches, with its place in
-- the claim's history, its money as a difference to the version before, and its dimension keys.
-- In the first load of one batch every claim has one version: then it is a view (no sort, no copy).
{% set as_of = "greatest(coalesce(v.service_date, date '9999-12-30'), date '1900-01-01')" %}
{% set percent = "round(v.total_cost * v.coverage_type * 0.01, 2)" %}
{% set covered = "case v.coverage_type when 100 then v.total_cost else " + percent + " end" %}
{% if is_first %}
create temp view claim_version as
with calendar as materialized (
    -- the n-th key is that of the n-th day since 1900: cheaper by half than joining each date
    select array_agg(date_key order by date) as date_keys from star.dim_date where date is not null
),

version as (
    select
        v.*,
        {{ as_of }} as as_of,
        1 as version_number,
        true as is_latest,
        coalesce(v.total_cost, 0) as total_cost_delta,
        coalesce({{ covered }}, 0) as covered_amount_delta,
        {{ covered }} as covered_amount
    from source_{{ source }}.star_fact_claim as v
    where
        v.batch_id = any(array(select load_batch.batch_id from load_batch))
        {% if part %}and hashtext(v.claim_id) {{ part }}{% endif %}  -- noqa: LT02
)
{% else %}
create temp table touched on commit drop as
select v.claim_id
from (
    select
        claim_id,
        batch_id
    from source_{{ source }}.star_fact_claim
    where batch_id = any(array(select load_batch.batch_id from load_batch))
    -- the batch first: its rows are few, and finding them is cheap
    offset 0  -- noqa: AM09
) as v
{% if part %}where hashtext(v.claim_id) {{ part }}{% endif %};

analyze touched;

create temp table claim_version on commit drop as
with calendar as materialized (
    -- the n-th key is that of the n-th day since 1900: cheaper by half than joining each date
    select array_agg(date_key order by date) as date_keys from star.dim_date where date is not null
),

priced as (
    select
        v.*,
        {{ as_of }} as as_of,
        coalesce(v.modified_on, b.received_date) as ordered_at,
        {{ covered }} as covered_amount
    from source_{{ source }}.star_fact_claim as v
    inner join landing.batch as b on v.batch_id = b.batch_id
    where
        v.claim_id in (select touched.claim_id from touched)
        -- as an array: the planner joins the batches last, when most rows are gone
        and v.batch_id = any(array(
            select loaded.batch_id from landing.batch as loaded
            where loaded.state = 'loaded' and loaded.source_system = '{{ source }}'
            union all
            select load_batch.batch_id from load_batch
        ))
),

version as (
    select
        *,
        row_number() over in_order as version_number,
        lead(batch_id) over in_order is null as is_latest,
        coalesce(covered_amount, 0) - coalesce(lag(covered_amount) over in_order, 0) as covered_amount_delta,
        coalesce(total_cost, 0) - coalesce(lag(total_cost) over in_order, 0) as total_cost_delta
    from priced
    window in_order as (partition by claim_id order by ordered_at, batch_id, row_number)
)
{% endif %}
select
    v.source_system,
    v.claim_id,
    v.batch_id,
    v.row_number,
    v.version_number::integer as version_number,
    v.is_latest,
    v.modified_on as version_date,
    coalesce(patient.patient_key, -1) as patient_key,
    coalesce(provider.provider_key, -1) as provider_key,
    coalesce(provider.facility_key, -1) as facility_key,
    coalesce(profile.claim_profile_key, -1) as claim_profile_key,
    coalesce((select calendar.date_keys from calendar)[v.service_date - date '1899-12-31'], -1) as service_date_key,
    coalesce((select calendar.date_keys from calendar)[v.claim_date - date '1899-12-31'], -1) as claim_date_key,
    v.service_date,
    v.total_cost,
    v.covered_amount,
    v.total_cost_delta,
    v.covered_amount_delta
from version as v
-- The state as of the service; without a date of service, the last one.
left join star.dim_patient as patient
    on
        patient.source_system = '{{ source }}'
        and v.patient_id = patient.patient_id
        and v.as_of >= patient.valid_from
        and v.as_of < patient.valid_to
left join star.dim_provider as provider
    on
        provider.source_system = '{{ source }}'
        and v.provider_id = provider.provider_id
        and v.as_of >= provider.valid_from
        and v.as_of < provider.valid_to
left join star.dim_claim_profile as profile
    on
        coalesce(v.visit_type, 'unknown') = profile.visit_type
        and coalesce(v.coverage_type, -1) = coalesce(profile.coverage_type, -1)
        and v.is_billed is not distinct from profile.is_billed;

{% if not is_first %}
drop table touched;
{% endif %}
