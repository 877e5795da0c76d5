-- With the triggers that call its functions.
drop schema change cascade;
