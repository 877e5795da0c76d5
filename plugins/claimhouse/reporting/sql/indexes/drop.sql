-- sqlfluff:templater:jinja:context:indexes:[{"name": "a", "columns": "claim_id"}]
-- noqa: disable=LT02,LT05 (the list is laid out as written, not as rendered)
-- The indexes of a partition that its report does not have. One publication at a time, see create.sql.
lock table security.client in share update exclusive mode;
{%- for index in indexes %}
drop index if exists published.{{ index.name }};
{%- endfor %}
