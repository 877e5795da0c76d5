-- sqlfluff:templater:jinja:context:indexes:[{"name": "a", "columns": "claim_id"}]
-- noqa: disable=LT02,LT05 (the list is laid out as written, not as rendered)
-- The indexes of a partition that its report does not have. For the locks see create.sql.
lock table security.client in share mode;
select pg_advisory_xact_lock(hashtextextended('published.{{ partition }}', 0));
{%- for index in indexes %}
drop index if exists published.{{ index.name }};
{%- endfor %}
