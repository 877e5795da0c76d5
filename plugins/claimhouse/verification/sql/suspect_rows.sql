-- Rows that may repeat a key; filled by COPY.
create temp table suspect_row (row_number bigint) on commit drop;
-- The sheets of a workbook of several, by the row number before their first; filled by COPY.
create temp table batch_sheet (first_row bigint, sheet_name text) on commit drop;
