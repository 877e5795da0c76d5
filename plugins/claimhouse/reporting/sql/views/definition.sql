-- $1: a report; $2: what its view was created from.
insert into published.view (report, definition) values ($1, $2)
on conflict (report) do update set definition = excluded.definition;
