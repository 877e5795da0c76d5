-- sqlfluff:templater:jinja:context:mapped:source_billing.star_fact_claim
-- sqlfluff:templater:jinja:context:fact:fact_survey
-- sqlfluff:templater:jinja:context:fact_key:["encounter_id"]
-- sqlfluff:templater:jinja:context:unnamed:["patient"]
-- sqlfluff:templater:jinja:context:junk:encounter_profile
-- sqlfluff:templater:jinja:context:junk_pairs:[["v.modality", "junk.modality", "modality"]]
-- sqlfluff:templater:jinja:context:dates:{}
-- sqlfluff:templater:jinja:context:pointed:["patient_key"]
-- sqlfluff:templater:jinja:context:values:["satisfaction_score"]
-- sqlfluff:templater:jinja:context:brought:["satisfaction_score"]
-- sqlfluff:templater:jinja:context:is_first:false
-- sqlfluff:templater:jinja:context:is_kept:false
-- sqlfluff:templater:jinja:context:carried:[]
-- sqlfluff:templater:jinja:context:batches:{4,5}
-- noqa: disable=LT02,LT05,LT01,LT12 (the lists are laid out as written, not as rendered)
-- Fills star.{{ fact }}: each record that the load touches, in its latest state.
{% import "star/sql/keys.jinja" as keys with context -%}
{% import "order.jinja" as one_order -%}
{% import "star/sql/carry.jinja" as carry with context -%}
create temp table fact_version on commit drop as
with {{ keys.calendar() }},

{% if carried %}received as (
    {{ carry.touched() }}
),

kept as (  -- noqa: ST03
    {{ carry.kept("received") | trim }}
),

{% endif %}version as (
    select distinct on (v.{{ fact_key | join(", v.") }})
        v.*,
        {{ keys.as_of() }} as as_of
    from {{ "kept" if carried else mapped }} as v
    inner join landing.batch_order as b on v.batch_id = b.batch_id
    where
        (b.state = 'loaded' or b.batch_id = any('{{ batches }}'::bigint[]))
        {# what is kept has the rows of these records alone -#}
        {% if not (is_first or carried or is_kept) %}and (v.{{ fact_key | join(", v.") }}) in (
            select t.{{ fact_key | join(", t.") }}
            from {{ mapped }} as t
            where t.batch_id = any('{{ batches }}'::bigint[])
        ){% endif %}
    order by
        v.{{ fact_key | join(", v.") }},
        {{ one_order.newest_first("v", "b", "version_at" if "version_at" in brought else none) }}
)

select
    v.source_system,
    v.{{ fact_key | join(", v.") }},
    {{ keys.columns() }}
    {%- for value in values %}v.{{ value }},
    {% endfor %}v.batch_id,
    v.row_number
from version as v
{{ keys.joins() | trim }};

analyze fact_version;

{% set written = pointed + values + ["batch_id", "row_number"] -%}
merge into star.{{ fact }} as f
using fact_version as v
    on f.source_system = v.source_system
    {% for column in fact_key %}and f.{{ column }} = v.{{ column }} {% endfor %}
when matched and (f.{{ written | join(", f.") }}) is distinct from (v.{{ written | join(", v.") }}) then
    update set
        {% for column in written %}{{ column }} = v.{{ column }}{{ "," if not loop.last }}
        {% endfor %}
when not matched then
    insert (source_system, {{ fact_key | join(", ") }}, {{ written | join(", ") }})
    values (v.source_system, v.{{ fact_key | join(", v.") }}, v.{{ written | join(", v.") }});

drop table fact_version;
