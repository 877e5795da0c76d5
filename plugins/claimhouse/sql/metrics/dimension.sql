-- $1: the cuts in force, as JSON; others are deleted.
with given as (
    select d.*
    from jsonb_to_recordset($1::jsonb) as d (dimension text, column_name text, meaning text)
),

deleted as (
    delete from metrics.dimension as d
    where d.dimension not in (select g.dimension from given as g)
)

insert into metrics.dimension
select
    dimension,
    column_name,
    meaning
from given
on conflict (dimension) do update set
    column_name = excluded.column_name,
    meaning = excluded.meaning;
