-- sqlfluff:templater:jinja:context:dimension:dim_patient
-- sqlfluff:templater:jinja:context:id:patient_id
-- Removes the states of star.{{ dimension }} that hold on no day; no fact points to them any more. All are of members
-- whose states got other bounds in this load.
{% import "star/sql/history.jinja" as history -%}
delete from star.{{ dimension }} as d
using star.member_to_rekey as m
where
    m.source_system = '{{ source }}' and m.dimension = '{{ dimension }}'
    and d.source_system = m.source_system and d.{{ id }} = m.member_id and {{ history.has_no_length("d") }};
