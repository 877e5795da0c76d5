drop table if exists published.{{ report }}, published.{{ report }}_was cascade;
delete from published.control_total as t where t.report = '{{ report }}';
