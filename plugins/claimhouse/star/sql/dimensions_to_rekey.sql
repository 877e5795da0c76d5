-- The dimensions in which the load of source system $1 has changed the timeline of a member.
select distinct m.dimension
from star.member_to_rekey as m
where m.source_system = $1;
