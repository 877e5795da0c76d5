-- noqa: disable=LT02,LT05,LT01 (the conditions are laid out as written, not as rendered)
-- How many files match, up to $9. $1 source systems, then filters, null for all: $2 source system, $3 feed, $4 state,
-- $5 and $6 first and last day of arrival, $7 pattern of the name, $8 who asks.
with matching as (
    select f.file_id
    from landing.file as f
    where
        {% include "pages/sql/matching_files.jinja" %}
        and f.source_system = any($1)
    order by f.file_id desc
    limit $9
)

select count(*) as files
from matching;
