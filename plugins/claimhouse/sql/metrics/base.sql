-- noqa: disable=LT02,LT05 (the SELECT is laid out as its file has it)
-- What metrics read where no single fact will do, live for the readers of the star.
create view metrics.{{ base }} with (security_invoker = true) as (
{% include "metrics/" ~ base ~ ".sql" %}
);

comment on view metrics.{{ base }} is '{{ grain }}';
