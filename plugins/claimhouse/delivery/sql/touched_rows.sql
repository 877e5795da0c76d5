-- noqa: disable=LT02,LT05 (the list is laid out as written, not as rendered)
-- The rows of a report that have changed and are there, in the place of all.
(
    select r.*
    from {{ shown }} as r
    inner join pg_temp.touched as k
        on {% for column in key %}r.{{ column }} = k.{{ column }}{{ " and " if not loop.last }}{% endfor %}
)
