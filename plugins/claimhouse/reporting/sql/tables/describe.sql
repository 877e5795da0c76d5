-- noqa: disable=LT02,LT05
-- The temporary table described: the columns of a SELECT, without rows.
drop table if exists pg_temp.described;
create temporary table described on commit drop as
select q.* from (
{{ select }}
) as q
with no data;
