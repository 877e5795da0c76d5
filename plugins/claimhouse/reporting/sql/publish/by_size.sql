-- $1: source systems. The same, those with the most loaded rows first.
select s.source_system
from unnest($1::text[]) as s (source_system)
left join landing.batch as b on s.source_system = b.source_system and b.state = 'loaded'
group by s.source_system
order by coalesce(sum(b.rows_accepted), 0) desc, s.source_system asc;
