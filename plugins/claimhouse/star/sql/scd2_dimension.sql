-- sqlfluff:templater:jinja:context:dimension:dim_provider
-- sqlfluff:templater:jinja:context:id:provider_id
-- sqlfluff:templater:jinja:context:key:provider_key
-- sqlfluff:templater:jinja:context:attributes:["first_name", "specialty"]
-- sqlfluff:templater:jinja:context:references:["facility"]
-- sqlfluff:templater:jinja:context:is_first:false
-- sqlfluff:templater:jinja:context:batches:{4,5}
-- sqlfluff:indentation:template_blocks_indent:false
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- Fills star.{{ dimension }} (SCD2: one row for each state) from the load's batches: what is in timeline and
-- not in known. Only differences are written, so surrogate keys stay and a repeat writes nothing.
{% import "star/sql/history.jinja" as history %}
{% if is_first %}
-- One batch into an empty dimension: each member has one version, which holds always.
insert into star.{{ dimension }} (
    source_system, {{ id }}, {{ attributes | join(", ") }}, {% for other in references %}{{ other }}_key, {% endfor %}
    valid_from, valid_to, is_current, row_hash, batch_id
)
select
    v.source_system,
    v.{{ id }},
    {% for attribute in attributes %}v.{{ attribute }},
    {% endfor %}{% for other in references %}coalesce({{ other }}.{{ other }}_key, -1) as {{ other }}_key,
    {% endfor %}{{ history.always() }},
    md5(row(
        v.{{ attributes | join(", v.") }}{% for other in references %}, v.{{ other }}_id{% endfor %}
    )::text)::uuid as row_hash,
    v.batch_id
from source_{{ source }}.star_{{ dimension }} as v
{% for other in references %}left join star.dim_{{ other }} as {{ other }}
    on v.source_system = {{ other }}.source_system and v.{{ other }}_id = {{ other }}.{{ other }}_id
{% endfor %}where v.batch_id = any('{{ batches }}'::bigint[]) and v.{{ id }} is not null
order by v.{{ id }};
{% else %}
-- First the states that end: only one row of a member can be current at any moment. A state that is no longer
-- part of the timeline gets no length, and is removed once no fact points to it.
update star.{{ dimension }} as d
set valid_to = coalesce(t.valid_to, d.valid_from), is_current = false
from known as k
left join timeline as t
    on k.{{ id }} = t.{{ id }} and k.valid_from = t.valid_from
where
    d.{{ key }} = k.{{ key }}
    and (
        (t.{{ id }} is null and (k.is_current or {{ history.has_length("k") }}))
        or (k.is_current and not t.is_current)
    );

update star.{{ dimension }} as d
set
    {% for attribute in attributes %}{{ attribute }} = t.{{ attribute }},
    {% endfor %}{% for other in references %}{{ other }}_key = t.{{ other }}_key,
    {% endfor %}valid_to = t.valid_to,
    is_current = t.is_current,
    is_inferred = false,
    row_hash = t.row_hash,
    batch_id = t.batch_id
from known as k
inner join timeline as t
    on k.{{ id }} = t.{{ id }} and k.valid_from = t.valid_from
where
    d.{{ key }} = k.{{ key }}
    and (
        (k.row_hash, k.batch_id{% for other in references %}, k.{{ other }}_key{% endfor %})
        is distinct from (t.row_hash, t.batch_id{% for other in references %}, t.{{ other }}_key{% endfor %})
        -- the end of the state that was current has just been written
        or ((k.valid_to, k.is_current) <> (t.valid_to, t.is_current) and k.is_current <= t.is_current)
    );

insert into star.{{ dimension }} (
    source_system, {{ id }}, {{ attributes | join(", ") }}, {% for other in references %}{{ other }}_key, {% endfor %}
    valid_from, valid_to, is_current, row_hash, batch_id
)
select
    t.source_system,
    t.{{ id }},
    {% for attribute in attributes %}t.{{ attribute }},
    {% endfor %}{% for other in references %}t.{{ other }}_key,
    {% endfor %}t.valid_from,
    t.valid_to,
    t.is_current,
    t.row_hash,
    t.batch_id
from timeline as t
left join known as k
    on t.{{ id }} = k.{{ id }} and t.valid_from = k.valid_from
where k.{{ id }} is null
order by t.{{ id }}, t.valid_from;

drop table touched, timeline, known;
{% endif %}
