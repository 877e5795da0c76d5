drop table if exists published.{{ report }}, published.{{ report }}_was cascade;
