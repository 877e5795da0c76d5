-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- $1: an audience, $2: a source system, $3: an edition. Notes the rows of the report that later editions wrote, and
-- those that they replaced and that are no longer there under that name.
{% import "reporting/sql/editions/fields.jinja" as list -%}
insert into pg_temp.touched ({{ key | join(", ") }}, change)
with was as materialized (
    select
        w.row_key,
        {{ list.of("w", key) }},
        bool_or(w.edition_from <= $3) as was_sent
    from published.{{ report }}_was as w
    where w.audience = $1 and w.source_system = $2 and w.edition_to > $3
    group by w.row_key, {{ list.of("w", key) }}
),

shown as (
    select
        t.row_key,
        {{ list.of("t", key) }}
    from published.{{ report }} as t
    where t.audience = $1 and t.source_system = $2 and t.edition_from > $3
)

select
    {{ list.of("t", key) }},
    case when w.was_sent then 'changed' else 'new' end as change
from shown as t
left join was as w on t.row_key = w.row_key and ({{ list.of("t", key) }}) = ({{ list.of("w", key) }})
union all
select
    {{ list.of("w", key) }},
    'removed' as change
from was as w
where not exists (
    select
    from shown as t
    where t.row_key = w.row_key and ({{ list.of("t", key) }}) = ({{ list.of("w", key) }})
);
