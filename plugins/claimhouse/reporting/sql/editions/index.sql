-- After the first rows, which come faster without it.
reset enable_sort;
create unique index if not exists {{ partition }}_key on published.{{ partition }} (row_key);
analyze published.{{ partition }};
