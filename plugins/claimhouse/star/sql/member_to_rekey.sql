-- sqlfluff:templater:jinja:context:dimension:dim_provider
-- sqlfluff:templater:jinja:context:id:provider_id
-- sqlfluff:templater:jinja:context:references:["facility"]
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- Fills star.member_to_rekey from timeline and known: members whose states get other bounds, of which facts may
-- have to move. A new state always changes the bounds of one that was there.
insert into star.member_to_rekey (source_system, dimension, member_id)
select distinct
    '{{ source }}' as source_system,
    '{{ dimension }}' as dimension,
    k.{{ id }}
from known as k
left join timeline as t
    on k.{{ id }} = t.{{ id }} and k.valid_from = t.valid_from
where
    (k.valid_to{% for other in references %}, k.{{ other }}_key{% endfor %})
    is distinct from (t.valid_to{% for other in references %}, t.{{ other }}_key{% endfor %})
on conflict do nothing;
