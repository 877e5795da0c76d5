-- Rows that may repeat a key; filled by COPY.
create temp table suspect_row (row_number bigint) on commit drop;
