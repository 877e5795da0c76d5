-- noqa: disable=LT02,LT05 (the list is laid out as written, not as rendered)
-- The place for the rows of a report that have changed, by what identifies them. A report whose rows are not told apart
-- by that, or not always, is refused.
create temporary table touched as
select
    {%- for column in key %}
    t.{{ column }},
    {%- endfor %}
    null::text as change
from published.{{ report }} as t
where false;
alter table pg_temp.touched add primary key ({{ key | join(", ") }});
