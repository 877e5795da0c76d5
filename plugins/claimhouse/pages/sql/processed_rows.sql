-- noqa: disable=LT02,LT05,LT01,LT12 (the list is laid out as written, not as rendered)
-- The accepted rows of batches, each with what verification changed in it. The batches are literals: for nothing else a
-- block-range index is chosen.
with changed as (
    select
        i.batch_id,
        i.row_number,
        string_agg(i.message || coalesce(' It was: ' || i.raw_value, ''), ' | ' order by i.issue_id) as changes
    from quality.issue as i
    where i.batch_id in ({{ batch_ids | join(", ") }}) and i.row_number is not null
    group by i.batch_id, i.row_number
)

select
    {% for column in columns -%}
    r.{{ column.name }}{{ "::text" if column.physical_type == "numeric" }},
    {% endfor -%}
    r.row_number as claimhouse_row,
    c.changes as claimhouse_changes
from {{ schema }}.{{ feed }} as r
left join changed as c on r.batch_id = c.batch_id and r.row_number = c.row_number
where r.batch_id in ({{ batch_ids | join(", ") }})
order by r.batch_id, r.row_number;
