create schema metrics;
comment on schema metrics is 'Governed metrics and their catalog';
create schema reporting;
comment on schema reporting is 'Secured views: all a client role can read';
create schema security;
comment on schema security is 'Who may see what';
create schema delivery;
comment on schema delivery is 'What is sent to whom, and what was';
