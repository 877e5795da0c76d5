-- Accepted rows of a batch with an open issue of their values, and tables for what they would be now.
create temp table flagged_row on commit drop as
select t.row_number
from {{ schema }}.{{ feed }} as t
where
    t.batch_id = {{ batch_id }}
    and t.row_number in (
        select b.row_number from issue_before as b
        where b.status = 'open' and b.rule <> 'identical_transaction'
    );
create temp table reread_row (like {{ schema }}.{{ feed }}) on commit drop;
create temp table reread_issue (row_number bigint, column_name text, rule text) on commit drop;
