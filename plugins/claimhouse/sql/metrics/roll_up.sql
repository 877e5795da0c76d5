{% from 'sql/metrics/kinds.jinja' import VALUE, NUMERATOR, DENOMINATOR -%}
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- Every metric as a whole and by each of its cuts, rolled up from its view. The name is outside the sub-query: only
-- then does a query for one metric read that one alone.
create view metrics.roll_up with (security_invoker = true) as
{%- for metric in metrics %}
select
    '{{ metric.name }}'::text as metric,
    rolled.as_of,
    rolled.dimension,
    rolled.member,
    rolled.numerator,
    rolled.denominator,
    rolled.value,
    rolled.unknown_count
from (
    select
        {{ metric.not_across or 'null' }}::text as as_of,
        case
            {%- for cut in metric.cuts %}
            when grouping({{ cut }}) = 0 then '{{ cut }}'
            {%- endfor %}
            else 'all'
        end as dimension,
        case
            {%- for cut in metric.cuts %}
            when grouping({{ cut }}) = 0 then {{ cut }}::text
            {%- endfor %}
        end as member,
        ({{ NUMERATOR[metric.kind] }})::numeric as numerator,
        ({{ DENOMINATOR[metric.kind] }})::numeric as denominator,
        ({{ VALUE[metric.kind] }})::numeric as value,
        {{ "sum(unknown_count)" if metric.unknown else "null" }}::bigint as unknown_count
    from metrics.{{ metric.name }}
    group by
        {%- if metric.not_across %}
        {{ metric.not_across }},
        {%- endif %}
        grouping sets (
            ()
            {%- for cut in metric.cuts %},
            ({{ cut }})
            {%- endfor %}
        )
) as rolled
{{- '\nunion all' if not loop.last }}
{%- endfor %};

comment on view metrics.roll_up is
'Every metric as a whole (dimension is all) and by each of its cuts; numerator and denominator where there are any';
comment on column metrics.roll_up.unknown_count is
'How many rows are on neither side because a word is missing or in no list; empty for metrics that count no words';
comment on column metrics.roll_up.as_of is
'For a metric that must not be added up over time, the time of the row; empty for others';
