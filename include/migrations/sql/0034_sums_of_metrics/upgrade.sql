-- The metrics of a fact are published in one row for the values of some cuts. Most of its columns are counts:
-- PostgreSQL's sum(bigint) keeps a number of 16 bytes for each of them and makes a numeric of it, this one has the
-- count itself.
create aggregate published.sum_of_counts (bigint) ( -- noqa: LT01
    sfunc = int8pl,
    stype = bigint,
    combinefunc = int8pl,
    parallel = safe
);
comment on aggregate published.sum_of_counts (bigint) is 'The sum of counts; null where there is none';
revoke all on function published.sum_of_counts(bigint) from public;
comment on column published.control_total.part is
'Which rows: those of metrics by the same cuts; empty where the rows of the report add up';
comment on column published.control_total.measure is 'The column that is added up; of metrics, one of each metric';
