{% from "reporting/sql/views/published.jinja" import published with context %}
-- What drives the change of a ratio from one quarter to the next. For each segment (a clinic or a payer type) the
-- change is split into the effect of its own ratio (rate effect) and of its share of the whole (mix effect).
-- With s the share of the denominator, r the ratio of the segment, R the ratio of the whole, 0 before and 1 now:
--     rate effect = (s0 + s1) / 2 * (r1 - r0)
--     mix effect  = (s1 - s0) * ((r0 + r1) / 2 - (R0 + R1) / 2)
-- Source: E. M. Kitagawa, "Components of a Difference Between Two Rates", Journal of the American Statistical
-- Association 50 (1955), 1168-1194. Subtracting R is an addition: a segment above the whole has a positive effect
-- when it grows. It does not change the sums, because the changes of the shares add up to zero. A segment that
-- exists in only one of the quarters has the same ratio in both: its whole effect is mix.
-- The effects of a dimension add up to the change exactly, in the last decimal place too: the rounding difference
-- is added to the largest segment.
with measured as (
    select
        p.source_system,
        p.quarter,
        p.quarter_starts_on,
        p.is_newest,
        p.clinic,
        p.payer_type,
        m.measure,
        m.numerator::numeric(38, 20) as numerator,
        m.denominator,
        p.as_of
    from {{ published("clinic_performance") }} as p
    cross join
        lateral (
            values
            ('completion_rate', p.completed, p.appointments),
            ('cancellation_rate', p.cancelled, p.appointments),
            ('no_show_rate', p.no_shows, p.appointments),
            ('reschedule_rate', p.rescheduled, p.appointments),
            ('billed_per_visit', p.billed_amount, p.billed_visits),
            ('average_minutes', p.visit_minutes, p.timed_visits),
            ('average_satisfaction', p.score_sum, p.scores)
        ) as m (measure, numerator, denominator)
    where m.denominator > 0 and 'all' in (p.clinic, p.payer_type)
),

segment as (
    select
        m.*,
        case m.payer_type when 'all' then 'clinic' else 'payer_type' end as dimension,
        case m.payer_type when 'all' then m.clinic else m.payer_type end as member
    from measured as m
    where m.clinic <> m.payer_type
),

pair as (
    select
        n.source_system,
        n.measure,
        b.quarter as quarter_before,
        n.quarter,
        n.quarter_starts_on,
        n.is_newest,
        b.numerator / b.denominator as whole_before,
        n.numerator / n.denominator as whole,
        b.denominator as whole_denominator_before,
        n.denominator as whole_denominator,
        n.as_of
    from measured as n
    inner join measured as b
        on
            n.source_system = b.source_system and n.measure = b.measure
            and n.quarter_starts_on = b.quarter_starts_on + interval '3 months'
    where n.clinic = 'all' and n.payer_type = 'all' and b.clinic = 'all' and b.payer_type = 'all'
),

-- One row for each segment that exists in either quarter.
compared as (
    select
        p.source_system,
        p.measure,
        p.quarter,
        s.dimension,
        s.member,
        coalesce(sum(s.numerator) filter (where s.quarter = p.quarter_before), 0) as numerator_before,
        coalesce(sum(s.denominator) filter (where s.quarter = p.quarter_before), 0) as denominator_before,
        coalesce(sum(s.numerator) filter (where s.quarter = p.quarter), 0) as numerator,
        coalesce(sum(s.denominator) filter (where s.quarter = p.quarter), 0) as denominator
    from pair as p
    inner join segment as s
        on p.source_system = s.source_system and p.measure = s.measure and s.quarter in (p.quarter_before, p.quarter)
    group by p.source_system, p.measure, p.quarter, s.dimension, s.member
),

rated as (
    select
        c.*,
        p.quarter_before,
        p.quarter_starts_on,
        p.is_newest,
        p.whole_before,
        p.whole,
        p.as_of,
        c.denominator_before::numeric(38, 20) / p.whole_denominator_before as share_before,
        c.denominator::numeric(38, 20) / p.whole_denominator as share,
        c.numerator_before / nullif(c.denominator_before, 0) as rate_before,
        c.numerator / nullif(c.denominator, 0) as rate
    from compared as c
    inner join pair as p
        on c.source_system = p.source_system and c.measure = p.measure and c.quarter = p.quarter
),

effect as (
    select
        r.*,
        round(r.whole - r.whole_before, 9) as whole_change,
        round(
            (r.share - r.share_before)
            * (coalesce(r.rate_before, r.rate) + coalesce(r.rate, r.rate_before) - r.whole_before - r.whole) / 2,
            9
        ) as mix_effect,
        round((r.share_before + r.share) / 2 * coalesce(r.rate - r.rate_before, 0), 9) as rounded_rate_effect,
        row_number() over (
            partition by r.source_system, r.measure, r.quarter, r.dimension
            order by r.share_before + r.share desc, r.member asc
        ) = 1 as is_largest
    from rated as r
),

exact as (
    select
        e.*,
        e.rounded_rate_effect + case
            when e.is_largest
                then e.whole_change - sum(e.mix_effect + e.rounded_rate_effect) over (
                    partition by e.source_system, e.measure, e.quarter, e.dimension
                )
            else 0
        end as rate_effect
    from effect as e
)

select
    x.source_system,
    x.quarter,
    x.quarter_starts_on,
    x.quarter_before,
    x.is_newest,
    x.measure,
    x.dimension,
    x.member,
    round(x.numerator_before, 2) as numerator_before,
    x.denominator_before::bigint as denominator_before,
    round(x.numerator, 2) as numerator,
    x.denominator::bigint as denominator,
    round(x.rate_before, 6) as rate_before,
    round(x.rate, 6) as rate,
    round(x.share_before, 6) as share_before,
    round(x.share, 6) as share,
    x.mix_effect,
    x.rate_effect,
    x.mix_effect + x.rate_effect as effect,
    round(x.whole_before, 6) as whole_before,
    round(x.whole, 6) as whole,
    x.whole_change,
    x.as_of
from exact as x
