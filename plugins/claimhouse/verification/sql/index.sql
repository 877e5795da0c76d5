-- sqlfluff:templater:jinja:context:has_key_index:true
{% if has_key_index %}
    -- Built after the first load: half the cost of building it before.
    create index if not exists {{ feed }}_key on {{ schema }}.{{ feed }} ({{ key | join(', ') }});
{% endif %}
-- Autosummarize runs later: until then a search for one batch reads all unsummarized pages.
select brin_summarize_new_values('{{ schema }}.{{ feed }}_batch');

-- So that the planner knows the share of the table in each batch.
analyze {{ schema }}.{{ feed }} (batch_id);
