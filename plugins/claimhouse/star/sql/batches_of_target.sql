-- The batches, loaded or to be loaded ($3), of the feeds that the mapping of $2 reads in source system $1.
select b.batch_id
from landing.batch as b
where
    b.source_system = $1
    and (b.state = 'loaded' or b.batch_id = any($3))
    and b.feed in (
        select u.table_name
        from information_schema.view_table_usage as u
        where u.view_schema = 'source_' || $1 and u.view_name = 'star_' || $2
    );
