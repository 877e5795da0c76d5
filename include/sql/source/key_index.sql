-- Built after the first load and not before it: half the cost.
create index if not exists {{ feed }}_key on {{ schema }}.{{ feed }} ({{ key | join(', ') }});
