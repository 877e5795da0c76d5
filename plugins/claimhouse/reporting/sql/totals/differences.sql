-- $1: a source system. The sums over published rows that are not those of the star.
select
    t.report,
    t.audience,
    t.part,
    t.measure,
    t.shown::text as shown,
    t.star::text as star
from published.control_total as t
where t.source_system = $1 and t.shown is distinct from t.star
order by t.report, t.audience, t.part, t.measure;
