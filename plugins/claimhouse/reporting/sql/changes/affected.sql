-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- The temporary tables affected_<fact>, the keys of rows that may be shown otherwise now, and was_<fact>, these rows
-- as they were.
{% import "reporting/sql/editions/fields.jinja" as list -%}
create temporary table affected_{{ fact }} on commit drop as
select {{ list.of("i", pk) }}
from change.{{ fact }} as i
where i.source_system = '{{ source }}'
{%- for member in changed_members %}
union
select {{ list.of("f", pk) }}
from star.{{ fact }} as f
where
    f.source_system = '{{ source }}'
    and f.{{ member.key }} in (select m.member_key from changed_{{ member.dimension }} as m)
{%- endfor %}
{%- for table in encounters %}
union
select {{ list.of("f", pk) }}
from star.{{ fact }} as f
where
    f.source_system = '{{ source }}'
    and f.encounter_id in (select i.encounter_id from change.{{ table }} as i where i.source_system = '{{ source }}')
{%- endfor %};
analyze affected_{{ fact }};

-- Few rows: by their keys, and not by a look at all rows.
set local enable_hashjoin = off;
set local enable_mergejoin = off;
create temporary table was_{{ fact }} on commit drop as
select {{ list.of("i", fields) }}
from change.{{ fact }} as i
where i.source_system = '{{ source }}' and i.existed
union all
select {{ list.of("f", fields) }}
from star.{{ fact }} as f
inner join affected_{{ fact }} as a on ({{ list.of("f", pk) }}) = ({{ list.of("a", pk) }})
where not exists (
    select from change.{{ fact }} as i
    where i.source_system = '{{ source }}' and ({{ list.of("i", pk) }}) = ({{ list.of("f", pk) }})
);
reset enable_hashjoin;
reset enable_mergejoin;
analyze was_{{ fact }};
