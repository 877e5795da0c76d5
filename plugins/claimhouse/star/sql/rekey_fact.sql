-- sqlfluff:templater:jinja:context:dimensions:[{"member": "provider", "references": ["facility"]}]
-- sqlfluff:templater:jinja:context:table:fact_claim
-- sqlfluff:templater:jinja:context:pages:">= '(0,0)'"
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- Points the rows of star.{{ table }} that exist to the states of their members as of the service,
-- where the load changed what those are.
create temp table moved on commit drop as
select
    f.ctid as place{% for one in dimensions %},
    coalesce({{ one.member }}.{{ one.member }}_key, f.{{ one.member }}_key) as {{ one.member }}_key
    {%- for other in one.references %},
    coalesce({{ one.member }}.{{ other }}_key, f.{{ other }}_key) as {{ other }}_key{% endfor %}{% endfor %}
from star.{{ table }} as f
{% for one in dimensions %}left join as_of_{{ one.member }} as {{ one.member }}
    on
        f.{{ one.member }}_key = {{ one.member }}.old_key
        and greatest(coalesce(f.service_date, date '9999-12-30'), date '1900-01-01') >= {{ one.member }}.valid_from
        and greatest(coalesce(f.service_date, date '9999-12-30'), date '1900-01-01') < {{ one.member }}.valid_to
{% endfor %}where
    -- few: told from the rest before anything is joined
    (
        {% for one in dimensions %}{{ "or " if not loop.first }}f.{{ one.member }}_key
        in (select o.old_key from as_of_{{ one.member }} as o)
        {% endfor %})
    {% if pages %}and f.ctid {{ pages }}{% endif %}
    and (
        {% for one in dimensions %}{{ "or " if not loop.first }}f.{{ one.member }}_key
        <> {{ one.member }}.{{ one.member }}_key
        {% for other in one.references %}or f.{{ other }}_key <> {{ one.member }}.{{ other }}_key
        {% endfor %}{% endfor %});

analyze moved (place);

update star.{{ table }} as f
set{% for one in dimensions %}
    {{ one.member }}_key = m.{{ one.member }}_key
    {%- for other in one.references %},
    {{ other }}_key = m.{{ other }}_key{% endfor %}{{ "," if not loop.last }}{% endfor %}
from moved as m
where f.ctid = m.place;

drop table moved;
