-- sqlfluff:templater:jinja:context:order:["service_date"]
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- The first rows of the source in the report, in an order that keeps those of a month or a group together.
{% import "reporting/sql/editions/fields.jinja" as list -%}
with inserted as (
    insert into published.{{ partition }} (audience, row_key, edition_from, {{ fields | join(", ") }})
    select
        {{ number }} as audience,
        {{ list.row_key("q", key) }} as row_key,
        e.edition + 1 as edition_from,
        {{ list.of("q", fields) }}
    from (
        {{ select }}
    ) as q
    cross join published.edition as e
    where e.audience = {{ number }} and e.source_system = '{{ source }}'
    order by {{ list.of("q", order) }}
    returning 1 as is_new
)

select count(*) as changed
from inserted;
