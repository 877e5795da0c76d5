-- Remember a day as fetched. $1 source system, $2 feed, $3 day, $4 number of rows, null where it is not known.
insert into landing.fetched_day (source_system, feed, day, fetched_at, row_count)
values ($1, $2, $3, now(), $4)
on conflict (source_system, feed, day)
do update set fetched_at = excluded.fetched_at, row_count = excluded.row_count;
