-- The name of a role is seen by everybody who can log in: it must not tell who else reads.
alter table security.login add column role_name text;
update security.login set role_name = login;
alter table security.login
alter column role_name set not null,
add constraint login_role_name_key unique (role_name);
comment on column security.login.login is 'Who reads, as the files name it';
comment on column security.login.role_name is 'The database role, whose name says nothing about who reads';
