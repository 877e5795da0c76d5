-- The views of the metrics run as an owner to whom row-level security applies: a reader of metrics needs no grant
-- on the tables behind them, and restricted rows stay hidden from readers who may not see them.
do $$
declare
    view_name name;
begin
    for view_name in select c.relname from pg_class as c where c.relnamespace = 'metrics'::regnamespace and c.relkind = 'v'
    loop
        execute format('alter view metrics.%I set (security_invoker = false, security_barrier = true)', view_name);
        execute format('alter view metrics.%I owner to metrics_owner', view_name);
    end loop;
end
$$;

grant select on metrics.catalog, metrics.dimension to metrics_owner;
