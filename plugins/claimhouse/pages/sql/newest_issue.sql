select max(i.issue_id) as issue_id from quality.issue as i;
