-- $1: an audience; $2: a source system. Rows that change belong to the next edition.
insert into published.edition (audience, source_system, edition)
values ($1, $2, 0)
on conflict (audience, source_system) do nothing;
