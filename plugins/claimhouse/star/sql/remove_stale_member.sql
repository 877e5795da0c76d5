-- sqlfluff:templater:jinja:context:dimension:dim_patient
-- Removes the states of star.{{ dimension }} that hold on no day; no fact points to them any more.
{% import "star/sql/history.jinja" as history -%}
delete from star.{{ dimension }} as d
where d.source_system = '{{ source }}' and {{ history.has_no_length("d") }};
