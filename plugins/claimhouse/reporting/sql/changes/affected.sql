-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- The temporary tables affected_<fact>, the keys of rows that may be shown otherwise now, and was_<fact>, these rows
-- as they were.
{% import "reporting/sql/editions/fields.jinja" as list -%}
create temporary table affected_{{ fact }} on commit drop as
select {{ list.of("i", pk) }}
from change.{{ fact }} as i
where i.source_system = '{{ source }}'
{%- for dimension, key in dimensions.items() %}
union
select {{ list.of("f", pk) }}
from star.{{ fact }} as f
where f.source_system = '{{ source }}' and f.{{ key }} in (select m.member_key from changed_{{ dimension }} as m)
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

create temporary table was_{{ fact }} on commit drop as
select {{ list.of("i", columns) }}
from change.{{ fact }} as i
where i.source_system = '{{ source }}' and i.existed
union all
select {{ list.of("f", columns) }}
from star.{{ fact }} as f
inner join affected_{{ fact }} as a on {% for column in pk %}f.{{ column }} = a.{{ column }}{{ " and " if not loop.last }}{% endfor %}
where not exists (
    select from change.{{ fact }} as i
    where i.source_system = '{{ source }}'{% for column in pk %} and i.{{ column }} = f.{{ column }}{% endfor %}
);
analyze was_{{ fact }};
