-- The files stay in the landing root.
drop table landing.upload;
