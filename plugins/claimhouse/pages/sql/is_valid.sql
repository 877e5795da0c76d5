select pg_input_is_valid($1, $2) as is_valid;
