drop view if exists quality.record_issues;
alter table quality.quarantine drop column sheet_name;
alter table quality.issue drop column sheet_name;
comment on column quality.issue.row_number is
'The line of the file on which the row begins; the header is line 1';
