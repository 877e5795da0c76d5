-- $1: a source system. What its editions say of themselves is kept.
insert into published.edition_log (audience, source_system, edition, as_of, published_at)
select
    e.audience,
    e.source_system,
    e.edition,
    e.as_of,
    e.published_at
from published.edition as e
where e.source_system = $1 and e.published_at = now();
