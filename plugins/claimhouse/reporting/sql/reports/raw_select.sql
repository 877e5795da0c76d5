{% from "macros.jinja" import from_level with context %}
-- The accepted rows of a feed as they came. A column is NULL for audiences below the lowest level that sees its
-- classification.
select
    '{{ source }}'::text as source_system,
    t.batch_id,
    t.row_number,
{%- for column in columns %}
    {{ from_level(column.lowest_level, "t." ~ column.name) }} as {{ column.name }}{{ "," if not loop.last }}
{%- endfor %}
from source_{{ source }}.{{ feed }} as t
where
    {{ "true" if feed in audience.entitled.get(source, {}).get("feed", ()) else "false" }}
    and t.batch_id in (
        select b.batch_id
        from landing.batch as b
        where b.source_system = '{{ source }}' and b.state = 'loaded'
    )
