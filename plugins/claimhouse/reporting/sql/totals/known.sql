-- $1: a source system.
select
    t.report,
    t.audience,
    t.part,
    t.measure
from published.control_total as t
where t.source_system = $1;
