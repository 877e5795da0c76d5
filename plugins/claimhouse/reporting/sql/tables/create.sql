-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- The table of a report, and the table of its rows that were replaced. Both start empty.
drop table if exists published.{{ report }}, published.{{ report }}_was cascade;
create table published.{{ report }} (
    audience integer not null,
    row_key uuid not null,
    edition_from integer not null
    {%- for field in typed %},
    {{ field.name }} {{ field.type }}
    {%- endfor %}
) partition by list (audience);
-- Joins and groups would be estimated from statistics of all audiences' rows, which a plan shows.
alter table only published.{{ report }}
alter column audience set statistics 0,
alter column row_key set statistics 0,
alter column edition_from set statistics 0
{%- for field in typed %},
alter column {{ field.name }} set statistics 0
{%- endfor %};
create table published.{{ report }}_was (
    like published.{{ report }},
    edition_to integer not null
);
create index {{ report }}_was_audience on published.{{ report }}_was (audience, source_system, edition_to);
grant select on published.{{ report }} to reporting_owner;
insert into published.report (report) values ('{{ report }}')
on conflict (report) do update set changed_at = now();
delete from published.basis as b where b.report = '{{ report }}';
delete from published.control_total as t where t.report = '{{ report }}';
