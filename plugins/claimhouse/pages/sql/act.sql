-- The source system of an act. $1 act.
select a.source_system
from quality.review_act as a
where a.act_id = $1;
