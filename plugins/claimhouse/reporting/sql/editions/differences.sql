-- noqa: disable=LT02,LT05,ST05 (the lists are laid out as written, not as rendered)
-- The temporary table changed: each row that is shown otherwise now, or no longer.
{% import "reporting/sql/editions/fields.jinja" as list -%}
drop table if exists pg_temp.changed;
create temporary table changed on commit drop as
with fresh as (
    select
        {{ list.row_key("q", key) }} as row_key,
        q.*
    from (
        {{ select }}
    ) as q
    {%- if batches %}
    where q.batch_id in (select n.batch_id from publication_batches as n)
    {%- endif %}
),

shown as (
    select s.*
    from published.{{ partition }} as s
    where
        s.source_system = '{{ source }}'
        {%- if affected %}
        and s.row_key in (
            select {{ list.row_key("a", key) }}
            from affected_{{ affected }} as a
        )
        {%- endif %}
        {%- if batches %}
        and s.batch_id in (select n.batch_id from publication_batches as n)
        {%- endif %}
)

select
    coalesce(f.row_key, t.row_key) as row_key,
    t.row_key is not null as is_shown,
    f.row_key is not null as stays,
    {{ list.of("f", fields) }}
from fresh as f
full join shown as t on f.row_key = t.row_key
where
    f.row_key is null
    or t.row_key is null
    or ({{ list.of("f", fields) }}) is distinct from ({{ list.of("t", fields) }});
analyze changed;
