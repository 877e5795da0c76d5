-- sqlfluff:templater:jinja:context:dimension:dim_provider
-- sqlfluff:templater:jinja:context:member:provider
-- sqlfluff:templater:jinja:context:references:["facility"]
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- The table as_of_{{ member }}: for each state that a fact may point to by mistake now, the right one and
-- the days on which it is.
create temp table as_of_{{ member }} on commit drop as
select
    known.{{ member }}_key as old_key,
    right_one.{{ member }}_key,
    {% for other in references %}right_one.{{ other }}_key,
    {% endfor %}right_one.valid_from,
    right_one.valid_to
from star.member_to_rekey as changed
inner join star.{{ dimension }} as known
    on changed.member_id = known.{{ member }}_id and known.source_system = '{{ source }}'
inner join star.{{ dimension }} as right_one
    on
        known.{{ member }}_id = right_one.{{ member }}_id
        and right_one.source_system = '{{ source }}'
        and right_one.valid_from < right_one.valid_to
where
    changed.source_system = '{{ source }}'
    and {% if references %}true{% else %}known.{{ member }}_key <> right_one.{{ member }}_key{% endif %}
    and changed.dimension = '{{ dimension }}';

analyze as_of_{{ member }};
