-- sqlfluff:templater:jinja:context:indexes:[{"name": "a", "columns": "claim_id"}]
-- noqa: disable=LT02,LT05 (the list is laid out as written, not as rendered)
-- The missing indexes of a partition. One publication at a time: a lock that keeps nobody from reading or writing.
lock table security.client in share update exclusive mode;
{%- for index in indexes %}
create {{ "unique " if index.columns == "row_key" }}index if not exists {{ index.name }}
on published.{{ partition }} ({{ index.columns }});
{%- endfor %}
