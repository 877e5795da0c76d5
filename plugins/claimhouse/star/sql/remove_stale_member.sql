-- sqlfluff:templater:jinja:context:dimension:dim_patient
-- States of star.{{ dimension }} that are in no timeline any more; the facts have left them.
delete from star.{{ dimension }}
where source_system = '{{ source }}' and valid_from = valid_to;
