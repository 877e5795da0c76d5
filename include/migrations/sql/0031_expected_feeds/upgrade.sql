-- Which feeds there are, and how often each is expected. It was in the text of a view, which every reader can have
-- from the catalogs, and the name of a feed may be that of a client.
create table landing.expected_feed (
    source_system text not null,
    feed text not null,
    expected_every_days integer,
    primary key (source_system, feed)
);
comment on table landing.expected_feed is
'Grain: a feed that has a contract. Written by each publication from include/schemas';
comment on column landing.expected_feed.expected_every_days is
'After how many days without a new file it is late; null where its contract does not say';
grant select on landing.expected_feed to identified_owner;
