-- noqa: disable=LT02,LT05,LT01,LT12 (the lists are laid out as written, not as rendered)
-- Take rows out of the source table that were accepted, and count them as quarantined. $1 batch, $2 rows.
with withdrawn as (
    delete from {{ schema }}.{{ feed }}
    where batch_id = $1 and row_number = any($2::bigint[])
    returning row_number{% for column in amounts %}, {{ column.name }}{% endfor %}
),

summed as (
    select
        count(*) as row_count
        {%- for column in amounts %},
        coalesce(sum({{ column.name }}), 0) as {{ column.name }}
        {%- endfor %}
    from withdrawn
),

counted as (
    update landing.batch as b
    set
        rows_accepted = b.rows_accepted - s.row_count,
        rows_quarantined = b.rows_quarantined + s.row_count,
        amounts = b.amounts
        {%- for column in amounts %} || jsonb_build_object(
            '{{ column.name }}', b.amounts -> '{{ column.name }}' || jsonb_build_object(
                'accepted', ((b.amounts -> '{{ column.name }}' ->> 'accepted')::numeric - s.{{ column.name }})::text,
                'quarantined', ((b.amounts -> '{{ column.name }}' ->> 'quarantined')::numeric + s.{{ column.name }})::text
            )
        )
        {%- endfor %}
    from summed as s
    where b.batch_id = $1
)

update quality.quarantine as q
set
    withdrawn_at = now(),
    amounts = jsonb_build_object(
        {%- for column in amounts %}
        '{{ column.name }}', w.{{ column.name }}{{ ',' if not loop.last }}
        {%- endfor %}
    )
from withdrawn as w
where q.batch_id = $1 and q.row_number = w.row_number
returning q.row_number;
