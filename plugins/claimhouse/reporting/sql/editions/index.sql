-- See by_hash.sql.
reset enable_sort;
-- After the first rows, which come faster without it.
create unique index if not exists {{ partition }}_key on published.{{ partition }} (row_key);
analyze published.{{ partition }};
