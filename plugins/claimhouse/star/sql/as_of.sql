-- sqlfluff:templater:jinja:context:dimension:dim_provider
-- sqlfluff:templater:jinja:context:member:provider
-- sqlfluff:templater:jinja:context:references:["facility"]
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- The table as_of_{{ member }}: for each state that facts may point to wrongly now, the states of the same
-- member and the days on which each holds.
{% import "star/sql/history.jinja" as history -%}
create temp table as_of_{{ member }} on commit drop as
select
    known.{{ member }}_key as old_key,
    state.{{ member }}_key,
    {% for other in references %}state.{{ other }}_key,
    {% endfor %}state.valid_from,
    state.valid_to
from star.member_to_rekey as changed
inner join star.{{ dimension }} as known
    on changed.member_id = known.{{ member }}_id and known.source_system = '{{ source }}'
inner join star.{{ dimension }} as state
    on
        known.{{ member }}_id = state.{{ member }}_id
        and state.source_system = '{{ source }}'
        and {{ history.has_length("state") }}
where
    changed.source_system = '{{ source }}'
    and {% if references %}true{% else %}known.{{ member }}_key <> state.{{ member }}_key{% endif %}
    and changed.dimension = '{{ dimension }}';

analyze as_of_{{ member }};
