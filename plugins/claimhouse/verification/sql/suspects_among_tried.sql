-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- Rows that may repeat a key, after quarantined rows of their batch were accepted.
insert into suspect_row (row_number)
select t.row_number
from {{ schema }}.{{ feed }} as t
where
    t.batch_id = {{ batch_id }}
    and (t.{{ key | join(', t.') }}) in (
        select
            a.{{ key | join(', a.') }}
        from {{ schema }}.{{ feed }} as a
        where a.batch_id = {{ batch_id }} and a.row_number in (select r.row_number from tried_row as r)
    );
