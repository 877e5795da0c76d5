-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- The columns of a report have changed. Its rows stay, and have no value in a new column until they are published
-- anew. A view that reads a dropped column is gone with it, and is created anew; so is what is added up of the report.
{%- for place in (report, report ~ "_was") %}
{%- for name in dropped %}
alter table published.{{ place }} drop column {{ name }} cascade;
{%- endfor %}
{%- for field in added %}
alter table published.{{ place }} add column {{ field.name }} {{ field.type }};
{%- endfor %}
{%- endfor %}
{%- for field in added %}
alter table only published.{{ report }} alter column {{ field.name }} set statistics 0;
{%- endfor %}
update published.report as r
set
    definition = null,
    changed_at = now()
where r.report = '{{ report }}';
delete from published.basis as b
where b.report = '{{ report }}';
