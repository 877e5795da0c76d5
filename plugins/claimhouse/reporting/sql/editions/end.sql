-- $1: an audience; $2: a source system. The edition is complete.
update published.edition as e
set
    edition = e.edition + 1,
    as_of = (
        select a.as_of
        from security.data_as_of as a
        where a.source_system = $2
    ),
    published_at = now()
where e.audience = $1 and e.source_system = $2;
