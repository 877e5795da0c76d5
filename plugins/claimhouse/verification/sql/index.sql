-- sqlfluff:templater:jinja:context:has_key_index:true
-- noqa: disable=LT02,LT05,LT01,LT12 (the lists are laid out as written, not as rendered)
{% if may_be_reversed %}
    -- Few rows: what verification/undeclared_reversals.sql looks for.
    create index if not exists {{ feed }}_negative on {{ schema }}.{{ feed }} (batch_id)
    where {% include "verification/sql/is_negative.jinja" %};
{% endif %}
{% if has_key_index %}
    -- Built after the first load: half the cost of building it before.
    create index if not exists {{ feed }}_key on {{ schema }}.{{ feed }} ({{ key | join(', ') }});
{% endif %}
{% if version_column and not has_key_index %}
    -- By which verification/close_issues.sql finds the rows that are newer than a new issue.
    create index if not exists {{ feed }}_by_version on {{ schema }}.{{ feed }} using brin ({{ version_column }})
    with (pages_per_range = 32);
    select brin_summarize_new_values('{{ schema }}.{{ feed }}_by_version');
{% endif %}
-- Autosummarize runs later: until then a search for one batch reads all unsummarized pages.
select brin_summarize_new_values('{{ schema }}.{{ feed }}_batch');

-- So that the planner knows the share of the table in each batch.
analyze {{ schema }}.{{ feed }} (batch_id);
