-- How many rows of a fact are affected, and about how many there are.
select
    (select count(*) from affected_{{ fact }}) as affected,
    (
        select greatest(c.reltuples, 0)
        from pg_class as c
        where c.oid = 'star.{{ fact }}'::regclass
    ) as rows;
