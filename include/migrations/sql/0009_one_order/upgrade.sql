-- The manifest had a row for each distinct content; it has one for each delivery from now on.
alter table landing.file drop constraint file_checksum_told_by_name_key;

alter table landing.file add column arrived_at timestamptz;
alter table landing.file add column file_order text collate "C";
alter table landing.file add column ordered_by text not null default 'arrival';
alter table landing.file add column same_as_file_id bigint references landing.file;

-- Until now the day received decided, then the batch. Seconds after midnight keep the batches of a day in order.
with received as (
    select
        k.file_id,
        k.source_system,
        coalesce(min(b.received_date), (k.landed_at at time zone 'UTC')::date) as received_date,
        min(b.batch_id) as batch_id
    from landing.file as k
    left join landing.batch as b on k.file_id = b.file_id
    group by k.file_id
),

ranked as (
    select
        file_id,
        received_date::timestamp at time zone 'UTC' + row_number() over (
            partition by source_system, received_date order by batch_id, file_id
        ) * interval '1 second' as arrived_at
    from received
)

update landing.file as f
set arrived_at = ranked.arrived_at
from ranked
where f.file_id = ranked.file_id;

update landing.file
set
    file_order = ' ' || to_char(arrived_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
    || '  000000  ' || lpad(file_id::text, 12, '0');

alter table landing.file alter column arrived_at set not null;
alter table landing.file alter column file_order set not null;

create index file_of_feed on landing.file (source_system, feed, file_order);
create index file_checksum on landing.file (checksum);

comment on table landing.file is 'The manifest: one row for each delivery of a file';
comment on column landing.file.arrived_at is
'When the file arrived: its own modification time. Of files that release 0.1.0 landed only the day is known';
comment on column landing.file.file_order is
'The place of the delivery among those of its feed, sorted as text: the later, the newer';
comment on column landing.file.ordered_by is
'What file_order was made from: arrival, or the date or number in the name that the contract names';
comment on column landing.file.same_as_file_id is
'The delivery whose content this one repeats; it has no batch, because it says nothing new';
comment on column landing.file.told_by_name is
'What the contract reads from the file''s name: the same bytes with another value there are other content';
comment on column landing.batch.received_date is 'The UTC date on which the file arrived';

-- Within a feed file_order decides. Between the feeds of a source system the arrival does; a delivery that comes late
-- and is older by its feed's order stands just before the one after it.
create view landing.batch_order as
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
            order by f.file_order, b.batch_id
            rows between current row and unbounded following
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
comment on view landing.batch_order is 'The one order of the batches of each source system';
comment on column landing.batch_order.newness is
'The place of the batch in that order: of two batches, the one with the higher number is newer';
comment on column landing.batch_order.load_number is
'The place of the batch in the order in which batches were loaded; those not loaded yet come last';

alter table quality.issue add column record_version text;
comment on column quality.issue.record_version is
'The row''s value in the version column of its contract, where it can be read: which rows are newer';
