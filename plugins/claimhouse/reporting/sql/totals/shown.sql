-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- The control totals of a report, added up from its published rows.
delete from published.control_total as t
where t.report = '{{ report }}' and t.audience = {{ number }} and t.source_system = '{{ source }}';
{%- if parts %}
with expected (part, measure) as (
    values
    {%- for part, measure in parts %}
    ('{{ part }}', '{{ measure }}'){{ "," if not loop.last }}
    {%- endfor %}
),

added_up as (
    select
        {{ control.part }} as part,
        array[
            {%- for aggregate in control.shown.values() %}
            ({{ aggregate }})::numeric{{ "," if not loop.last }}
            {%- endfor %}
        ] as sums
    from published.{{ partition }} as r
    where r.source_system = '{{ source }}' and {{ control.condition }}
    group by 1
)

insert into published.control_total (report, audience, source_system, part, measure, shown)
select
    '{{ report }}' as report,
    {{ number }} as audience,
    '{{ source }}' as source_system,
    x.part,
    x.measure,
    coalesce(m.value, 0) as shown
from expected as x
left join added_up as s on x.part = s.part
left join lateral unnest(
    array['{{ control.shown | join("', '") }}'], s.sums
) as m (measure, value) on x.measure = m.measure;
{%- endif %}
