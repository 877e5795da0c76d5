-- See by_hash.sql.
reset enable_sort;
