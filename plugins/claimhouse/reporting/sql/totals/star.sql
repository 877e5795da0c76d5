-- $1: a source system; $2: sums over the star, as a JSON list; $3: whether they are added to those of the last edition.
update published.control_total as t
set star = case when $3::boolean then t.star else 0 end + s.value
from jsonb_to_recordset($2::jsonb) as s (report text, audience integer, part text, measure text, value numeric)
where
    t.source_system = $1
    and t.report = s.report and t.audience = s.audience and t.part = s.part and t.measure = s.measure
    and t.star is distinct from case when $3::boolean then t.star else 0 end + s.value;
