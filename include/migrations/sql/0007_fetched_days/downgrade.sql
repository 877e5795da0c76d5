-- The days are read from the names of landed files again.
drop table landing.fetched_day;
