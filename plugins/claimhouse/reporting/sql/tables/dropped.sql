-- $1: the reports that are published. The tables of others.
delete from published.report as r
where r.report <> all($1::text[])
returning r.report;
