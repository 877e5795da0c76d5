-- $1: a new audience, $2: a source system, $3: the earlier audience, whose rows of the source it goes on with.
with kept as (
    insert into published.edition (audience, source_system, edition, as_of, published_at)
    select
        $1::integer as audience,
        e.source_system,
        e.edition,
        e.as_of,
        e.published_at
    from published.edition as e
    where e.audience = $3 and e.source_system = $2
    returning audience, source_system, edition, as_of, published_at
)

insert into published.edition_log (audience, source_system, edition, as_of, published_at)
select
    k.audience,
    k.source_system,
    k.edition,
    k.as_of,
    k.published_at
from kept as k
where k.published_at is not null;
