-- From the newest to the oldest: a frame that begins at each row would be read anew for each.
-- Within a feed file_order decides. Between the feeds of a source system the arrival does; a delivery that comes late
-- and is older by its feed's order stands just before the one after it.
create or replace view landing.batch_order as
select
    placed.batch_id,
    placed.source_system,
    placed.feed,
    placed.received_date,
    placed.state,
    row_number() over newest_last as newness,
    row_number() over loaded_last as load_number
from (
    select
        b.batch_id,
        b.source_system,
        b.feed,
        b.received_date,
        b.state,
        b.loaded_at,
        f.file_order,
        min(f.arrived_at) over (
            partition by b.source_system, b.feed
            order by f.file_order desc, b.batch_id desc
            rows unbounded preceding
        ) as stands_at
    from landing.batch as b
    inner join landing.file as f on b.file_id = f.file_id
) as placed
window
    newest_last as (
        partition by placed.source_system order by placed.stands_at, placed.feed, placed.file_order, placed.batch_id
    ),
    loaded_last as (
        partition by placed.source_system
        order by
            placed.loaded_at asc nulls last,
            placed.stands_at asc,
            placed.feed asc,
            placed.file_order asc,
            placed.batch_id asc
    );
