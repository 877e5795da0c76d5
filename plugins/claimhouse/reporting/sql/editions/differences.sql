-- noqa: disable=AM09,LT02,LT05,ST05 (the lists are laid out as written, not as rendered)
-- The temporary table changed: each row that is shown otherwise now, or no longer.
{% import "reporting/sql/editions/fields.jinja" as list -%}
drop table if exists pg_temp.fresh, pg_temp.shown, pg_temp.changed;
{% if affected -%}
-- Few rows: by their keys, and not by a look at all rows.
set local enable_hashjoin = off;
set local enable_mergejoin = off;
{% endif -%}
create temporary table fresh on commit drop as
select
    {{ list.row_key("q", key) }} as row_key,
    q.*
from (
    {{ select }}
) as q
where {{ "q.batch_id in (select n.batch_id from publication_batches as n)" if batches else "true" }};
create temporary table shown on commit drop as
{% if affected -%}
-- The offset keeps it a look-up for each row. As a join, with statistics of a smaller table, it went through all rows for
-- each.
select s.*
from affected_{{ affected }} as a
cross join lateral (
    select t.*
    from published.{{ partition }} as t
    where t.row_key = {{ list.row_key("a", key) }}
    offset 0
) as s
where s.source_system = '{{ source }}'
{%- else -%}
select s.*
from published.{{ partition }} as s
where
    s.source_system = '{{ source }}'
    {%- if batches %}
    and s.batch_id in (select n.batch_id from publication_batches as n)
    {%- endif %}
{%- endif %};
{% if affected -%}
reset enable_hashjoin;
reset enable_mergejoin;
{% endif -%}
create temporary table changed on commit drop as
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
analyze changed (row_key, is_shown, stays);
