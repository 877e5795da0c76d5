-- sqlfluff:templater:jinja:context:indexes:[{"name": "a", "columns": "claim_id"}]
-- noqa: disable=LT02,LT05 (the list is laid out as written, not as rendered)
-- The missing indexes of a partition. Not while another publication applies the files about readers (the lock of the
-- table, which keeps nobody from reading), nor while one is at work on the same partition.
lock table security.client in share mode;
select pg_advisory_xact_lock(hashtextextended('published.{{ partition }}', 0));
{%- for index in indexes %}
create {{ "unique " if index.columns == "row_key" }}index if not exists {{ index.name }}
on published.{{ partition }} ({{ index.columns }});
{%- endfor %}
