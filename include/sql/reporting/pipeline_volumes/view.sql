{% from "reporting/live.jinja" import is_listed %}
-- Each feed on the newest 90 days on which it delivered, against the usual: the median of the 20 days before with rows.
-- Corrections are no deliveries.
with delivered as (
    select
        b.source_system,
        b.feed,
        b.received_date as day,
        count(*) as files,
        count(*) filter (where b.state = 'rejected') as rejected,
        count(*) filter (where b.state = 'held') as held,
        sum(b.rows_read)::bigint as rows_read,
        sum(b.rows_accepted)::bigint as rows_accepted,
        sum(b.rows_quarantined)::bigint as rows_quarantined,
        sum(b.rows_dropped)::bigint as rows_dropped
    from landing.batch as b
    where not b.is_correction and {{ is_listed("pipeline_volumes") }}
    group by b.source_system, b.feed, b.received_date
),

ranked as (
    select
        d.*,
        row_number() over (partition by d.source_system, d.feed order by d.day desc) as newest_first,
        array_agg(d.rows_read) over (
            partition by d.source_system, d.feed order by d.day rows between 20 preceding and 1 preceding
        ) as before
    from delivered as d
),

compared as (
    select
        r.*,
        u.usual_rows
    from ranked as r
    cross join
        lateral (
            select round((percentile_cont(0.5) within group (order by e.rows_read))::numeric, 1) as usual_rows
            from unnest(r.before) as e (rows_read)
        ) as u
    where r.newest_first <= 90
)

select
    c.source_system,
    c.feed,
    c.day,
    c.newest_first = 1 as is_newest,
    c.files,
    c.rejected,
    c.held,
    c.rows_read,
    c.rows_accepted,
    c.rows_quarantined,
    c.rows_dropped,
    c.usual_rows,
    round(c.rows_read / nullif(c.usual_rows, 0), 3) as share_of_usual,
    case
        when c.rows_read is null then 'nothing read'
        when c.usual_rows is null then 'first delivery'
        when c.rows_read < 0.5 * c.usual_rows then 'fewer'
        when c.rows_read > 2 * c.usual_rows then 'more'
        else 'as usual'
    end as against_usual,
    now() as as_of
from compared as c
