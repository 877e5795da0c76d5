drop index quality.issue_of_file;
drop index landing.batch_file;
drop index landing.file_landed;
drop table quality.access_log;
