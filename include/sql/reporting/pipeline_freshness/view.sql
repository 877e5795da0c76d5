{% from "reporting/live.jinja" import is_listed %}
-- Each feed that has a contract: when it last arrived, when it was last loaded, and what readers see of it. How often
-- it is expected is the freshness of its contract.
with expected as (
    select
        x.source_system,
        x.feed,
        x.expected_every_days
    from landing.expected_feed as x
    where {{ is_listed("pipeline_freshness") }}
),

arrived as (
    select
        f.source_system,
        f.feed,
        max(f.arrived_at) as last_arrival_at
    from landing.file as f
    group by f.source_system, f.feed
),

loaded as (
    select
        b.source_system,
        b.feed,
        max(b.loaded_at) as last_load_at,
        count(*) filter (where b.state in ('landed', 'verified', 'checked')) as waiting,
        count(*) filter (where b.state = 'held') as held
    from landing.batch as b
    group by b.source_system, b.feed
),

source as (
    select
        l.source_system,
        max(l.last_load_at) as last_load_at
    from loaded as l
    group by l.source_system
),

published as (
    select
        e.source_system,
        max(e.as_of) as published_as_of
    from published.edition as e
    group by e.source_system
)

select
    x.source_system,
    x.feed,
    a.last_arrival_at,
    x.expected_every_days,
    extract(day from now() - a.last_arrival_at)::integer as days_since_arrival,
    case
        when a.last_arrival_at is null then 'nothing yet'
        when x.expected_every_days is null then 'no expectation'
        when now() - a.last_arrival_at > x.expected_every_days * interval '1 day' then 'late'
        else 'on time'
    end as freshness,
    case
        when now() - a.last_arrival_at > x.expected_every_days * interval '1 day' then 1 else 0
    end as late_count,
    l.last_load_at,
    coalesce(l.waiting, 0) as waiting,
    coalesce(l.held, 0) as held,
    p.published_as_of,
    case
        when s.last_load_at is null then 'nothing loaded'
        when p.published_as_of is null or p.published_as_of < s.last_load_at then 'not published'
        else 'published'
    end as publication,
    now() as as_of
from expected as x
left join arrived as a on x.source_system = a.source_system and x.feed = a.feed
left join loaded as l on x.source_system = l.source_system and x.feed = l.feed
left join source as s on x.source_system = s.source_system
left join published as p on x.source_system = p.source_system
