-- The issues of rows for which a correction stands are left as they are.
delete from quality.issue as i
where
    i.batch_id = {{ batch_id }}
    and i.issue_id not in (select b.issue_id from issue_before as b)
    and i.row_number in (select t.row_number from tried_row as t where t.is_corrected);

delete from issue_before as b
where b.row_number in (select t.row_number from tried_row as t where t.is_corrected);
