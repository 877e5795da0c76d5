-- sqlfluff:templater:jinja:context:name:place_of_service
-- Codes are looked up one by one, and a list of them can be long.
create index if not exists {{ name }}_code on reference.{{ name }} (code);
