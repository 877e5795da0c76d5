-- One view of dim_date for each role a date plays in a fact: service_date_key has dim_service_date,
-- whose columns carry the role's name too, so that two roles can be joined without renaming.
do $$
declare
    role text;
    columns text;
begin
    for role in
        select distinct substring(c.column_name from '(.+)_date_key$')
        from information_schema.columns as c
        where c.table_schema = 'star' and c.table_name like 'fact\_%' and c.column_name like '%\_date\_key'
    loop
        select string_agg(
            format(
                '%I as %I',
                c.column_name,
                case
                    when c.column_name like 'is\_%' then replace(c.column_name, 'is_', 'is_' || role || '_')
                    else role || '_' || c.column_name
                end
            ),
            ', ' order by c.ordinal_position
        )
        into columns
        from information_schema.columns as c
        where c.table_schema = 'star' and c.table_name = 'dim_date';

        execute format('create view star.%I as select %s from star.dim_date', 'dim_' || role || '_date', columns);
        execute format(
            'comment on view star.%I is %L',
            'dim_' || role || '_date',
            'dim_date in the role of the ' || role || ' date'
        );
    end loop;
end
$$;
