comment on column published.control_total.measure is null;
comment on column published.control_total.part is
'Which rows: those of one metric and its cuts; empty where the rows of the report add up';
drop aggregate published.sum_of_counts(bigint);
