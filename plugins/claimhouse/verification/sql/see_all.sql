-- The whole file is read: what is not in it is nowhere.
insert into seen_row (row_number)
select b.row_number from quarantine_before as b;
