-- $1: the feeds that have a contract, as a JSON array: source_system, feed and expected_every_days.
-- $2: the source systems whose contracts cannot be used, which keep what they had.
with expected as (
    select
        x.source_system,
        x.feed,
        x.expected_every_days
    from jsonb_to_recordset($1::jsonb) as x (source_system text, feed text, expected_every_days integer)
),

gone as (
    delete from landing.expected_feed as f
    where f.source_system <> all($2::text[]) and not exists (
        select from expected as x
        where x.source_system = f.source_system and x.feed = f.feed
    )
)

insert into landing.expected_feed (source_system, feed, expected_every_days)
select
    x.source_system,
    x.feed,
    x.expected_every_days
from expected as x
on conflict (source_system, feed) do update set expected_every_days = excluded.expected_every_days;
