-- noqa: disable=AM09,LT02,LT05 (the lists are laid out as written, not as rendered)
-- The temporary tables affected_<fact>, the keys of rows that may be shown otherwise now, and was_<fact>, these rows
-- as they were. The offsets keep look-ups by key what they are, and the planner from what it believes of the source
-- system: with statistics that do not know it, each row went through all others.
{% import "reporting/sql/editions/fields.jinja" as list -%}
create temporary table affected_{{ fact }} on commit drop as
select {{ list.of("i", pk) }}
from change.{{ fact }} as i
where i.source_system = '{{ source }}'
{%- for member in changed_members %}
union
select {{ list.of("f", pk) }}
from (
    select s.*
    from star.{{ fact }} as s
    where s.{{ member.key }} in (select m.member_key from changed_{{ member.dimension }} as m)
    offset 0
) as f
where f.source_system = '{{ source }}'
{%- endfor %}
{%- for table in encounters %}
union
select {{ list.of("f", pk) }}
from (
    select s.*
    from star.{{ fact }} as s
    where s.encounter_id in (select i.encounter_id from change.{{ table }} as i where i.source_system = '{{ source }}')
    offset 0
) as f
where f.source_system = '{{ source }}'
{%- endfor %};
analyze affected_{{ fact }};

create temporary table was_{{ fact }} on commit drop as
select {{ list.of("i", fields) }}
from change.{{ fact }} as i
where i.source_system = '{{ source }}' and i.existed
union all
select {{ list.of("f", fields) }}
from affected_{{ fact }} as a
cross join lateral (
    select s.*
    from star.{{ fact }} as s
    where ({{ list.of("s", pk) }}) = ({{ list.of("a", pk) }})
    offset 0
) as f
where not exists (
    select from change.{{ fact }} as i
    where i.source_system = '{{ source }}' and ({{ list.of("i", pk) }}) = ({{ list.of("f", pk) }})
);
analyze was_{{ fact }};
