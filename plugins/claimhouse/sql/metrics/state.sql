-- $1: what the views are to be made of, by its hash; $2: their names. Whether they are there, and no others.
select
    coalesce((select bool_and(c.view_digest is not distinct from $1) from metrics.catalog as c), false)
    and not exists (
        select
        from (
            select c.relname::text as name
            from pg_class as c
            where c.relnamespace = 'metrics'::regnamespace and c.relkind = 'v'
        ) as e
        full join unnest($2::text[]) as w (name) on e.name = w.name
        where e.name is null or w.name is null
    ) as is_current;
