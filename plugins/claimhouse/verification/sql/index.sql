-- sqlfluff:templater:jinja:context:has_key_index:true
{% if has_key_index %}
    -- Built after the first load and not before it: half the cost.
    create index if not exists {{ feed }}_key on {{ schema }}.{{ feed }} ({{ key | join(', ') }});
{% endif %}
-- The server does so by itself, some time: until then a search for one batch reads all of the others.
select brin_summarize_new_values('{{ schema }}.{{ feed }}_batch');

-- So that the planner knows how much of the table a batch is, whatever batch it is asked for.
analyze {{ schema }}.{{ feed }} (batch_id);
