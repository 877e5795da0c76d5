alter table delivery.subscription
add column covers text not null default 'all' check (covers in ('all', 'changed')),
add column identified_by text[] not null default '{}',
add column when_too_large text check (when_too_large in ('parts', 'xlsx', 'csv', 'parquet'));
comment on column delivery.subscription.covers is
'all: an extract has all rows; changed: it has what is new, changed or gone since the last one that was sent';
comment on column delivery.subscription.identified_by is
'The columns of the report that identify a row for who is sent what has changed';
comment on column delivery.subscription.when_too_large is
'What becomes of more rows than the format holds; null for what the format suggests';

alter table delivery.extract
add column parts integer not null default 1 check (parts > 0),
add column basis text,
add column since_extract_id bigint references delivery.extract;
comment on column delivery.extract.format is
'Of the file as it was made, which is another one than the subscription''s where that does not hold the rows';
comment on column delivery.extract.parts is 'How many workbooks the file has';
comment on column delivery.extract.basis is
'What its rows follow from besides the editions, by its hash; null where the subscription covers all rows. An extract
covers what has changed only where this is the same';
comment on column delivery.extract.since_extract_id is
'The extract that was sent, since which the rows have changed; null where the file has all rows';

alter table published.basis add column kept_from integer not null default 0;
comment on column published.basis.kept_from is
'The earliest edition that can be read again: rows that were replaced up to it are gone';

-- An extract of what has changed compares two editions.
create view delivery.needed_edition as
with extract as (
    select
        s.report,
        s.client,
        e.editions
    from delivery.subscription as s
    inner join delivery.extract as e on s.subscription_id = e.subscription_id
    where
        s.is_active and s.covers = 'changed' and e.basis is not null
        and e.prepared_at > now() - interval '400 days'
        and (
            exists (
                select
                from delivery.outbox as o
                where o.extract_id = e.extract_id and o.state in ('prepared', 'sending', 'in_doubt')
            )
            or exists (
                select
                from delivery.disclosure as d
                where
                    d.extract_id = e.extract_id and d.recipient = any(s.recipients)
                    and not exists (
                        select
                        from delivery.disclosure as n
                        inner join delivery.extract as f on n.extract_id = f.extract_id
                        where
                            f.subscription_id = e.subscription_id and n.recipient = d.recipient
                            and f.extract_id > e.extract_id
                    )
            )
        )
)

select
    x.report,
    l.audience,
    n.key as source_system,
    min(n.value::integer) as edition
from extract as x
inner join security.login as l on x.client = l.client and l.is_own_role
cross join lateral jsonb_each_text(x.editions) as n
group by x.report, l.audience, n.key;
comment on view delivery.needed_edition is
'The editions since which an extract will say what has changed: publications keep what they replace from them on';
