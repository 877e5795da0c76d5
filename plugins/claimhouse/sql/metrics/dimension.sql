-- $1: the cuts in force, as JSON; the others go.
with said as (
    select d.*
    from jsonb_to_recordset($1::jsonb) as d (dimension text, column_name text, meaning text)
),

gone as (
    delete from metrics.dimension as d
    where d.dimension not in (select s.dimension from said as s)
)

insert into metrics.dimension
select
    dimension,
    column_name,
    meaning
from said
on conflict (dimension) do update set
    column_name = excluded.column_name,
    meaning = excluded.meaning;
