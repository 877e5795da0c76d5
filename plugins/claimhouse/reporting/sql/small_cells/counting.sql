-- The SELECT of a count table as a view, so that the server can say what it reads.
drop view if exists pg_temp.counting;
create temporary view counting as
{{ select }};
