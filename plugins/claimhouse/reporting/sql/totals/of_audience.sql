-- noqa: disable=LT02,LT05 (the list is laid out as written, not as rendered)
-- $1: whether all rows are open; $2, $3, $4: the payers, specialties of providers and of procedures whose rows are;
-- $5: the restricted specialties that are. The sums over the open rows.
select
    array[
        {%- for _ in aggregates %}
        coalesce(sum(c.direction * c.v_{{ loop.index }}), 0){{ "," if not loop.last }}
        {%- endfor %}
    ]::numeric[] as sums
from classes as c
where
    (
        $1::boolean
        or c.payer_name = any($2::text[])
        or c.provider_specialty = any($3::text[])
        or c.procedure_specialty = any($4::text[])
    )
    and c.restricted <@ $5::text[];
