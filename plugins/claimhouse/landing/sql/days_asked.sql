-- Remember the days that a feed is about to be asked for. $1 source system, $2 feed, $3 days.
insert into landing.fetched_day (source_system, feed, day)
select
    $1::text as source_system,
    $2::text as feed,
    asked.day
from unnest($3::date[]) as asked (day)
on conflict do nothing;
