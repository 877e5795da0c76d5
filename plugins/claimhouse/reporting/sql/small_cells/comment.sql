-- The threshold in force, for people: select obj_description('counts'::regnamespace).
comment on schema counts is
'Counts about people who are not the reader''s own.
Counts of {{ small_cells[0] }} to {{ small_cells[-1] }} patients are suppressed';
