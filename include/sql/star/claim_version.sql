-- sqlfluff:templater:jinja:context:is_first:false
-- sqlfluff:templater:jinja:context:is_dated:true
-- sqlfluff:templater:jinja:context:part:">= 0"
-- sqlfluff:templater:jinja:context:unnamed:["provider", "facility", "payer", "procedure", "diagnosis"]
-- sqlfluff:templater:jinja:context:dates:{"service": 1, "claim": 1, "paid": 0}
-- sqlfluff:templater:jinja:context:brought:["total_cost", "coverage_type", "version_at", "service_date"]
-- sqlfluff:indentation:template_blocks_indent:false
-- noqa: disable=LT02,LT05,LT01,LT12 (the lists are laid out as written, not as rendered)
-- The relation claim_version: every version of the claims the load touches, with its place in
-- the claim's history, its money as a difference to the version before, and its dimension keys.
-- In the first load of one batch every claim has one version: then it is a view (no sort, no copy).
{% import "star/keys.jinja" as keys with context %}
{% set percent = "round(v.total_cost * v.coverage_type * 0.01, 2)" %}
{% set covered = "case v.coverage_type when 100 then v.total_cost else " + percent + " end" %}
{% set money = {"total_cost": "v.total_cost", "covered_amount": "v.covered_amount",
    "allowed_amount": "v.allowed_amount", "paid_amount": "v.paid_amount"} %}
{% if "coverage_type" in brought %}{% set _ = money.update({"covered_amount": covered}) %}{% endif %}
{% for name in money if name not in brought and not (name == "covered_amount" and "coverage_type" in brought) %}
{% set _ = money.update({name: "null::numeric(14, 2)"}) %}
{% endfor %}
{% set version_date = "v.version_at" if "version_at" in brought else "null::date" %}
{% set service_date = "v.service_date" if is_dated else "null::date" %}
{% if is_first %}
create temp view claim_version as
with {{ keys.calendar() }},

version as (
    select
        v.*,
        {{ keys.as_of() }} as as_of,
        1 as version_number,
        true as is_latest{% for name, amount in money.items() %},
        {{ amount }} as {{ name }}_now,
        coalesce({{ amount }}, 0) as {{ name }}_delta{% endfor %}
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
with {{ keys.calendar() }},

priced as (
    select
        v.*,
        {{ keys.as_of() }} as as_of,
        coalesce({{ version_date }}, b.received_date) as ordered_at{% for name, amount in money.items() %},
        {{ amount }} as {{ name }}_now{% endfor %}
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
        lead(batch_id) over in_order is null as is_latest{% for name in money %},
        coalesce({{ name }}_now, 0) - coalesce(lag({{ name }}_now) over in_order, 0) as {{ name }}_delta{% endfor %}
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
    {{ version_date }} as version_date,
    {{ keys.columns() }}
    {{ service_date }} as service_date{% for name in money %},
    v.{{ name }}_now as {{ name }},
    v.{{ name }}_delta{% endfor %}
from version as v
{{ keys.joins() | trim }};

{% if not is_first %}
drop table touched;
{% endif %}
