-- $1: a report; $2: what is added up of it, or null. Where that is new, its totals are made anew.
with defined as (
    update published.report as r
    set definition = $2
    where r.report = $1 and r.definition is distinct from $2
    returning r.report
)

delete from published.control_total as t
using defined as d
where t.report = d.report;
