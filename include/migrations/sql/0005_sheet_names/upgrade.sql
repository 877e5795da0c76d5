alter table quality.issue add column sheet_name text;
comment on column quality.issue.sheet_name is
'The sheet that the issue is about, in a workbook of several';
comment on column quality.issue.row_number is
'The line of the file on which the row begins; the header is line 1. In a workbook, the row of the sheet: '
'in one of several sheets, plus 10,000,000 for each sheet read before it';

alter table quality.quarantine add column sheet_name text;
comment on column quality.quarantine.sheet_name is 'The sheet of the row, in a workbook of several';

-- Created again by the upgrade, with the sheet beside the row.
drop view if exists quality.record_issues;
