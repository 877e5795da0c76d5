-- The number of the next delivery.
select nextval(pg_get_serial_sequence('landing.file', 'file_id')) as file_id;
