-- sqlfluff:templater:jinja:context:dimensions:[{"member": "provider", "references": ["facility"]}]
-- sqlfluff:templater:jinja:context:table:fact_claim
-- sqlfluff:templater:jinja:context:pages:">= '(0,0)'"
-- noqa: disable=AM09,LT02,LT05 (the lists are laid out as written, not as rendered)
-- Points rows of star.{{ table }} to the states of their members as of the day of service, where the load has
-- changed which those are.
{% import "star/sql/history.jinja" as history -%}
-- Few rows: the indexes of their keys lead to them, one member after the other, where the table has such an index.
create temp table concerned on commit drop as
{% for dim in dimensions %}{{ "union\n" if not loop.first }}select f.ctid as place
from star.{{ table }} as f
where
    f.{{ dim.member }}_key in (select o.old_key from as_of_{{ dim.member }} as o)
    {%- if pages %}
    and f.ctid {{ pages }}{% endif %}{{ "\n" if not loop.last }}{% endfor %};

analyze concerned;

create temp table moved on commit drop as
select
    c.place{% for dim in dimensions %},
    coalesce({{ dim.member }}.{{ dim.member }}_key, f.{{ dim.member }}_key) as {{ dim.member }}_key
    {%- for other in dim.references %},
    coalesce({{ dim.member }}.{{ other }}_key, f.{{ other }}_key) as {{ other }}_key{% endfor %}{% endfor %}
from concerned as c
-- The planner would read the whole table.
cross join lateral (select t.* from star.{{ table }} as t where t.ctid = c.place offset 0) as f
{% for dim in dimensions %}left join as_of_{{ dim.member }} as {{ dim.member }}
    on
        f.{{ dim.member }}_key = {{ dim.member }}.old_key
        and {{ history.holds_on(dim.member, history.as_of("f", true)) }}
{% endfor %}where
    {% for dim in dimensions %}{{ "or " if not loop.first }}f.{{ dim.member }}_key
    <> {{ dim.member }}.{{ dim.member }}_key
    {%- for other in dim.references %}
    or f.{{ other }}_key <> {{ dim.member }}.{{ other }}_key{% endfor %}{{ "\n    " if not loop.last }}{% endfor %};

analyze moved (place);

update star.{{ table }} as f
set{% for dim in dimensions %}
    {{ dim.member }}_key = m.{{ dim.member }}_key
    {%- for other in dim.references %},
    {{ other }}_key = m.{{ other }}_key{% endfor %}{{ "," if not loop.last }}{% endfor %}
from moved as m
where f.ctid = m.place;

drop table concerned, moved;
