-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- What a batch holds after quarantined rows of it were read again: those of them that are accepted, all rows, sums of
-- the accepted ones, and how many amounts of the others no amount could be read from.
with held as (
    select
        count(*) as rows_accepted,
        count(r.row_number) as rows_found
        {%- for column in amounts %},
        coalesce(sum(t.{{ column.name }}), 0) as {{ column.name }}{% endfor %}
    from {{ schema }}.{{ feed }} as t
    left join tried_row as r on t.row_number = r.row_number
    where t.batch_id = {{ batch_id }}
),

quarantined as (
    select count(*) as rows_quarantined from quality.quarantine as q
    where q.batch_id = {{ batch_id }}
),

unreadable as (
    select
        count(distinct t.row_number) as row_count
        {%- for column in amounts %},
        count(distinct t.row_number) filter (
            where i.column_name = '{{ column.name }}' and t.{{ column.name }} is null
        ) as {{ column.name }}_unreadable{% endfor %}
    from issue_before as i
    inner join {{ schema }}.{{ feed }} as t on t.batch_id = {{ batch_id }} and i.row_number = t.row_number
    where btrim(i.raw_value) <> '' and i.row_number not in (select r.row_number from tried_row as r)
)

select
    h.*,
    q.rows_quarantined,
    u.*,
    b.rows_read,
    b.rows_dropped,
    coalesce(b.amounts, '{}') as amounts
from landing.batch as b
cross join held as h
cross join quarantined as q
cross join unreadable as u
where b.batch_id = {{ batch_id }};
