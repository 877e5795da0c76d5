{% import "reporting/clinic_changes/words.jinja" as words -%}
-- noqa: disable=LT02,LT05
-- How each ratio of the clinics changed from the quarter before, as a sentence: how much, and what drove it. Once by
-- clinic and once by payer type; the first place has what changed most, in proportion to what it was.
with change as (
    {% include "reporting/clinic_performance_change/view.sql" with context %}
),

described (measure, measure_title, form, better, own) as (
    values
    ('completion_rate', 'Completion rate', 'points', 'higher', 'own rate'),
    ('cancellation_rate', 'Cancellation rate', 'points', 'lower', 'own rate'),
    ('no_show_rate', 'No-show rate', 'points', 'lower', 'own rate'),
    ('reschedule_rate', 'Reschedule rate', 'points', 'lower', 'own rate'),
    ('billed_per_visit', 'Billed per visit', 'dollars', null, 'own average'),
    ('average_minutes', 'Average length of a visit', 'minutes', null, 'own average'),
    ('average_satisfaction', 'Average satisfaction', 'score', 'higher', 'own average')
),

-- The two members whose own ratios did most, and the rest of them.
driver as (
    select
        c.*,
        d.measure_title,
        d.form,
        d.better,
        d.own,
        row_number() over (
            partition by c.source_system, c.quarter, c.measure, c.dimension
            order by abs(c.rate_effect) desc, c.member asc
        ) as place
    from change as c
    inner join described as d on c.measure = d.measure
),

driven as (
    select
        r.source_system,
        r.quarter,
        r.quarter_starts_on,
        r.quarter_before,
        r.is_newest,
        r.measure,
        r.measure_title,
        r.form,
        r.better,
        r.dimension,
        r.whole_before,
        r.whole,
        r.whole_change,
        r.as_of,
        concat_ws(
            ', ',
            string_agg(
                {{ words.signed("r.rate_effect", "r.form") }} || ' from ' || case r.member
                    when 'no clinic' then 'care outside the clinics'
                    when 'unknown' then 'an unknown ' || replace(r.dimension, '_', ' ')
                    else r.member || '''s ' || r.own
                end,
                ', ' order by r.place
            ) filter (where r.place <= 2 and {{ words.scaled("r.rate_effect", "r.form") }} <> 0),
            {{ words.signed("sum(r.rate_effect) filter (where r.place > 2)", "r.form") }} || ' from the others',
            {{ words.signed("sum(r.mix_effect)", "r.form") }} || ' from mix'
        ) as drivers
    from driver as r
    group by
        r.source_system, r.quarter, r.quarter_starts_on, r.quarter_before, r.is_newest, r.measure, r.measure_title,
        r.form, r.better, r.dimension, r.whole_before, r.whole, r.whole_change, r.as_of
),

told as (
    select
        n.*,
        case
            when {{ words.scaled("n.whole_change", "n.form") }} > 0 then 'rose'
            when {{ words.scaled("n.whole_change", "n.form") }} < 0 then 'fell'
            else 'did not change'
        end as direction,
        {{ words.value("n.whole_before", "n.form") }} as before_text,
        {{ words.value("n.whole", "n.form") }} as now_text,
        {{ words.amount("n.whole_change", "n.form") }} as change_text,
        row_number() over (
            partition by n.source_system, n.quarter, n.dimension
            order by abs(n.whole_change / nullif(n.whole_before, 0)) desc nulls last, n.measure asc
        ) as position
    from driven as n
)

select
    t.source_system,
    t.quarter,
    t.quarter_starts_on,
    t.quarter_before,
    t.is_newest,
    t.dimension,
    t.position,
    t.measure,
    t.measure_title,
    t.whole_before,
    t.whole,
    t.whole_change,
    t.direction,
    case
        when t.direction = 'did not change' then 'unchanged'
        when t.better is null then 'neither'
        when (t.direction = 'rose') = (t.better = 'higher') then 'better'
        else 'worse'
    end as verdict,
    case t.direction
        when 'did not change' then t.measure_title || ' did not change: ' || t.now_text
        else
            t.measure_title || ' ' || t.direction || ' ' || t.change_text || ', from ' || t.before_text || ' to '
            || t.now_text
    end || coalesce(': ' || nullif(t.drivers, ''), '') || '.' as sentence,
    t.as_of
from told as t
