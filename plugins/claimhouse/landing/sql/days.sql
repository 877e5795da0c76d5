-- Every day that a feed was asked for. $1 source system, $2 feed.
select
    day,
    fetched_at is not null as is_fetched
from landing.fetched_day
where source_system = $1 and feed = $2;
