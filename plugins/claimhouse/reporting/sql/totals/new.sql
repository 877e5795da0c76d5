-- $1: a source system. The reports with totals that the star has not been added up for.
select distinct t.report
from published.control_total as t
where t.source_system = $1 and t.star is null;
