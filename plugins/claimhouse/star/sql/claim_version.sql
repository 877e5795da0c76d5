-- sqlfluff:templater:jinja:context:mapped:source_billing.star_fact_claim
-- sqlfluff:templater:jinja:context:is_first:false
-- sqlfluff:templater:jinja:context:is_dated:true
-- sqlfluff:templater:jinja:context:part:">="
-- sqlfluff:templater:jinja:context:unnamed:["provider", "facility", "payer", "procedure", "diagnosis"]
-- sqlfluff:templater:jinja:context:dates:{"service": 1, "claim": 1, "paid": 0}
-- sqlfluff:templater:jinja:context:pointed:["patient_key", "service_date_key"]
-- sqlfluff:templater:jinja:context:brought:["total_cost", "coverage_type", "version_at", "service_date"]
-- sqlfluff:templater:jinja:context:money:["total_cost", "covered_amount", "paid_amount"]
-- sqlfluff:templater:jinja:context:others:{"priority": "smallint"}
-- sqlfluff:templater:jinja:context:change:["priority"]
-- sqlfluff:templater:jinja:context:transactions:["ledger"]
-- sqlfluff:templater:jinja:context:has_withdrawn:true
-- sqlfluff:templater:jinja:context:carried:[]
-- sqlfluff:templater:jinja:context:looked_up:["patient"]
-- sqlfluff:templater:jinja:context:fact:fact_claim
-- sqlfluff:templater:jinja:context:fact_key:["claim_id"]
-- sqlfluff:templater:jinja:context:batches:{4,5}
-- sqlfluff:indentation:template_blocks_indent:false
-- noqa: disable=LT02,LT05,LT01,LT12 (the lists are laid out as written, not as rendered)
-- The relation claim_version: every version of the claims that the load touches, with its place in the claim's
-- history, its money as a difference to the version before, and its surrogate keys. A version of a feed of
-- transactions adds its amounts to those of the version before; one of a feed of states replaces them.
-- A first load brings one version of each claim: then it is a view (no sort, no copy).
{% import "star/sql/keys.jinja" as keys with context %}
{% import "order.jinja" as one_order %}
{% macro covered() -%}
case v.coverage_type when 100 then v.total_cost else round(v.total_cost * v.coverage_type * 0.01, 2) end
{%- endmacro %}
{% macro amount(name) -%}
{% if name == "covered_amount" and "coverage_type" in brought %}{{ covered() }}
{%- elif name in brought %}v.{{ name }}
{%- else %}null::numeric(14, 2)
{%- endif %}
{%- endmacro %}
{#- The column that an amount comes from. -#}
{% macro amount_of(name) -%}
{{ "total_cost" if name == "covered_amount" and "coverage_type" in brought else name }}
{%- endmacro %}
{% import "star/sql/carry.jinja" as carry with context %}
{% set repeats = "is_repeat" in brought %}
{% set anew = repeats or carried %}
{% set version_date = "v.version_at" if "version_at" in brought else "null::date" %}
{% set service_date = "v.service_date" if is_dated else "null::date" %}
{% macro described() %}
    v.claim_id,
    v.batch_id,
    v.row_number,
    {{ version_date }} as version_date,
    {{ keys.columns() }}
    {{ service_date }} as service_date{% for name in money %},
    {{ amount(name) }} as {{ name }}{% endfor %}{% for name, type in others.items() %},
    {{ "v." ~ name if name in brought else "null::" ~ type }} as {{ name }}{% endfor %}
{% endmacro %}
{% if is_first %}
create temp view claim_version as
with {{ keys.calendar() }},

version as (
    select
        v.*,
        {{ keys.as_of() }} as as_of
    from {{ mapped }} as v
    where
        v.batch_id = any('{{ batches }}'::bigint[])
        {% if part %}and (v.row_number & 1) {{ part }} 1{% endif %}  -- noqa: LT02
)

select
    v.source_system,
    1 as version_number,
    {{ described() | trim }}
from version as v
{{ keys.joins() | trim }};
{% else %}
create temp table received on commit drop as
with brought as {{ "materialized" if anew else "not materialized" }} (
    {% if anew %}-- Which rows are versions, or what they say, depends on all rows of a claim: they are read anew.
    select v.*
    from {{ mapped }} as v
    inner join landing.batch_order as o on v.batch_id = o.batch_id
    where
        (o.state = 'loaded' or o.batch_id = any('{{ batches }}'::bigint[]))
        {% if repeats %}and v.is_repeat is not true
        {% endif -%}
        and v.claim_id in (
            select t.claim_id from {{ mapped }} as t
            where t.batch_id = any('{{ batches }}'::bigint[])
        )
    {% else %}select * from {{ mapped }}
    where batch_id = any('{{ batches }}'::bigint[])
{% endif %}){% if carried %},

kept as (
    {{ carry.kept("brought", money if transactions else []) | trim }}
){% endif %}

select b.*
from {{ "kept" if carried else "brought" }} as b
{% if part %}-- Split at a claim near the middle: halves that do not overlap do not wait for each other's pages.
where b.claim_id {{ part }} coalesce(
    (select percentile_disc(0.5) within group (order by s.claim_id) from brought as s where s.row_number % 64 = 0), ''
)
{% endif %}order by b.claim_id;

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
inner join star.fact_claim as f on f.source_system = '{{ source }}' and wanted.claim_id = f.claim_id;

reset enable_hashjoin;
reset enable_mergejoin;
analyze known (claim_id, version_count);

create temp table claim_version on commit drop as
with {{ keys.calendar() }},

{% if transactions %}adding as materialized (
    select b.batch_id from landing.batch as b
    where b.source_system = '{{ source }}' and b.feed = any('{ {{- transactions | join(",") -}} }'::text[])
),

{% endif %}{% if not anew %}earlier as (
    select
        k.claim_id,
        k.batch_id,
        k.row_number,
        k.version_date,
        k.{{ pointed | join(",\n        k.") }},
        k.service_date,
        k.{{ (money + others | list) | join(",\n        k.") }}
    from known as k
    where k.version_count = 1
    union all
    -- the amounts of a version are the sum of the differences up to it; only those of the latest can be NULL
    select
        c.claim_id,
        c.batch_id,
        c.row_number,
        c.version_date,
        c.{{ pointed | join(",\n        c.") }},
        c.service_date{% for name in money %},
        case
            {%- if transactions %}
            -- a transaction's amount is its difference; where no version has one, there is none
            when c.batch_id = any(array(select a.batch_id from adding as a))
                then case when k.{{ name }} is not null or c.{{ name }}_delta <> 0 then c.{{ name }}_delta end
            {%- endif %}
            when c.version_number = k.version_count then k.{{ name }} else sum(c.{{ name }}_delta) over so_far
        end as {{ name }}
        {%- endfor %}{% for name in others %},
        {{ "c." ~ name if name in change else "case c.version_number when k.version_count then k." ~ name ~ " end as " ~ name }}
        {%- endfor %}
    from known as k
    inner join star.fact_claim_change as c on c.source_system = '{{ source }}' and k.claim_id = c.claim_id
    where k.version_count > 1
    window so_far as (partition by c.claim_id order by c.version_number)
),

{% endif %}to_describe as (
    select
        v.*,
        {{ keys.as_of() }} as as_of
    from received as v
),

version as (
    select
        {{ described() | trim }}{% if carried and transactions %},
        v.left_out{% endif %}
    from to_describe as v
    {{ keys.joins(looked_up) | trim }}
    {% if not anew %}union all
    -- a repeated load finds its own rows here
    select e.* from earlier as e
    where
        e.batch_id <> all('{{ batches }}'::bigint[])
        {%- if has_withdrawn %}
        and not exists (
            select from quality.quarantine as q
            where q.batch_id = e.batch_id and q.row_number = e.row_number and q.withdrawn_at is not null
        )
        {%- endif %}
{% endif %})
{%- if transactions %},

-- a state begins a sum anew
placed as (
    select
        v.*,
        {% if carried %}{% for name in money %}count(*) filter (
            where v.batch_id <> all(array(select a.batch_id from adding as a))
                and ('{{ amount_of(name) }}' = any(v.left_out)) is not true
        ) over in_order as {{ name }}_number{{ "," if not loop.last }}
        {% endfor %}{% else %}count(*) filter (where v.batch_id <> all(array(select a.batch_id from adding as a))) over in_order as sum_number
        {% endif %}from version as v
    inner join landing.batch_order as b on v.batch_id = b.batch_id
    window in_order as (
        partition by v.claim_id order by {{ one_order.oldest_first("v", "b", "version_date") }}
    )
),

summed as (
    select
        v.claim_id,
        v.batch_id,
        v.row_number,
        v.version_date,
        v.{{ pointed | join(",\n        v.") }},
        v.service_date{% for name in money %},
        sum(v.{{ name }}) over so_far{{ "_" ~ name if carried }} as {{ name }}{% endfor %}{% for name in others %},
        v.{{ name }}{% endfor %}
    from placed as v
    inner join landing.batch_order as b on v.batch_id = b.batch_id
    {% if carried %}window{% for name in money %} so_far_{{ name }} as (
        partition by v.claim_id, v.{{ name }}_number order by {{ one_order.oldest_first("v", "b", "version_date") }}
    ){{ "," if not loop.last }}{% endfor %}
    {% else %}window so_far as (
        partition by v.claim_id, v.sum_number order by {{ one_order.oldest_first("v", "b", "version_date") }}
    )
{% endif %})
{%- endif %}

select
    '{{ source }}' as source_system,
    v.*,
    (row_number() over in_order)::integer as version_number,
    lead(v.batch_id) over in_order is null as is_latest{% for name in money %},
    coalesce(v.{{ name }}, 0) - coalesce(lag(v.{{ name }}) over in_order, 0) as {{ name }}_delta{% endfor %}
from {{ "summed" if transactions else "version" }} as v
inner join landing.batch_order as b on v.batch_id = b.batch_id
window in_order as (
    partition by v.claim_id order by {{ one_order.oldest_first("v", "b", "version_date") }}
);

analyze claim_version (claim_id);
{% endif %}
