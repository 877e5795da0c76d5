-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- The temporary table changed_<dimension>: members that reports show otherwise now. The temporary view
-- was_<dimension>: the dimension as it was.
{% import "reporting/sql/editions/fields.jinja" as list -%}
create temporary table changed_{{ table }} on commit drop as
select i.{{ member_key }} as member_key
from change.{{ table }} as i
left join star.{{ table }} as d on i.{{ member_key }} = d.{{ member_key }}
where
    i.source_system = '{{ source }}' and i.existed
    and (d.{{ member_key }} is null or ({{ list.of("d", compared) }}) is distinct from ({{ list.of("i", compared) }}));
analyze changed_{{ table }};
create temporary view was_{{ table }} as
select {{ list.of("d", fields) }}
from star.{{ table }} as d
where not exists (select from changed_{{ table }} as m where m.member_key = d.{{ member_key }})
union all
select {{ list.of("i", fields) }}
from change.{{ table }} as i
where
    i.source_system = '{{ source }}' and i.existed
    and exists (select from changed_{{ table }} as m where m.member_key = i.{{ member_key }});
