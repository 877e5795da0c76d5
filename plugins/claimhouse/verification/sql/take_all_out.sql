-- Take the accepted rows of a batch out, to read all of it again.
create temp table row_before on commit drop as
select t.* from {{ schema }}.{{ feed }} as t
where t.batch_id = {{ batch_id }};

delete from {{ schema }}.{{ feed }} as t where t.batch_id = {{ batch_id }};
