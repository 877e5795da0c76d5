-- sqlfluff:templater:jinja:context:dimension:dim_provider
-- sqlfluff:templater:jinja:context:id:provider_id
-- sqlfluff:templater:jinja:context:key:provider_key
-- sqlfluff:templater:jinja:context:attributes:["first_name", "specialty"]
-- sqlfluff:templater:jinja:context:references:["facility"]
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- Fills star.{{ dimension }} (history kept, one row for each state) from the load's batches.
-- The whole timeline of every member the load names is made anew from all its source rows;
-- only what differs is written, so surrogate keys stay and a repeat writes nothing.
-- The rule of effective dates: docs/decisions/0001-scd2-effective-dates.md

create temp table touched on commit drop as
select distinct {{ id }}
from source_{{ source }}.star_{{ dimension }}
where batch_id = any(array(select load_batch.batch_id from load_batch)) and {{ id }} is not null;

analyze touched;

-- Every window runs from the newest version to the oldest, so that one sort serves all:
-- lead() is the version before, lag() the one after.
create temp table timeline on commit drop as
with version as (
    select
        v.*,
        b.received_date,
        coalesce(v.version_at, b.received_date) as ordered_at,
        md5(row(v.{{ attributes | join(", v.") }})::text)::uuid as row_hash
    from source_{{ source }}.star_{{ dimension }} as v
    inner join touched as t on v.{{ id }} = t.{{ id }}
    inner join landing.batch as b on v.batch_id = b.batch_id
    where b.state = 'loaded' or b.batch_id = any(array(select load_batch.batch_id from load_batch))
),

dated as (
    select
        *,
        case
            -- what was known first held always, as far as we know
            when lead({{ id }}) over newest_first is null then date '1900-01-01'
            else greatest(
                coalesce(
                    case
                        when started_on is distinct from lead(started_on) over newest_first
                            then started_on
                    end,
                    modified_on,
                    received_date
                ),
                date '1900-01-01'
            )
        end as takes_effect_on
    from version
    window newest_first as (
        partition by {{ id }} order by ordered_at desc, batch_id desc, row_number desc
    )
),

-- Later knowledge holds from its own date on, whatever earlier versions said of the days after.
overridden as (
    select
        *,
        min(takes_effect_on) over newest_first as valid_from
    from dated
    window newest_first as (
        partition by {{ id }} order by ordered_at desc, batch_id desc, row_number desc
    )
),

bounded as (
    select
        *,
        lag(valid_from, 1, date '9999-12-31') over newest_first as valid_to
    from overridden
    window newest_first as (
        partition by {{ id }} order by ordered_at desc, batch_id desc, row_number desc
    )
),

-- Versions that never held are gone; of equal neighbours the first stands for all.
distinct_state as (
    select
        *,
        coalesce(row_hash <> lead(row_hash) over newest_first, true) as is_change
    from bounded
    where valid_from < valid_to
    window newest_first as (
        partition by {{ id }} order by ordered_at desc, batch_id desc, row_number desc
    )
)

select
    s.source_system,
    s.{{ id }},
    {% for attribute in attributes %}s.{{ attribute }},
    {% endfor %}{% for other in references %}coalesce({{ other }}.{{ other }}_key, -1) as {{ other }}_key,
    {% endfor %}s.valid_from,
    lag(s.valid_from, 1, date '9999-12-31') over newest_first as valid_to,
    lag(s.valid_from) over newest_first is null as is_current,
    s.row_hash,
    s.batch_id
from distinct_state as s
{% for other in references %}left join star.dim_{{ other }} as {{ other }}
    on s.source_system = {{ other }}.source_system and s.{{ other }}_id = {{ other }}.{{ other }}_id
{% endfor %}where s.is_change
window newest_first as (
    partition by s.{{ id }} order by s.ordered_at desc, s.batch_id desc, s.row_number desc
);

analyze timeline;

-- First whatever ends, because only one row of a member may be current at any moment. A state
-- that no longer is part of the timeline gets no length; it goes when no fact points to it.
update star.{{ dimension }} as d
set valid_to = coalesce(t.valid_to, d.valid_from), is_current = false
from star.{{ dimension }} as member
inner join touched on member.{{ id }} = touched.{{ id }}
left join timeline as t
    on member.{{ id }} = t.{{ id }} and member.valid_from = t.valid_from
where
    d.{{ key }} = member.{{ key }}
    and member.source_system = '{{ source }}'
    and (
        (t.{{ id }} is null and (member.is_current or member.valid_to > member.valid_from))
        or (member.is_current and not t.is_current)
    );

update star.{{ dimension }} as d
set
    {% for attribute in attributes %}{{ attribute }} = t.{{ attribute }},
    {% endfor %}{% for other in references %}{{ other }}_key = t.{{ other }}_key,
    {% endfor %}valid_to = t.valid_to,
    is_current = t.is_current,
    is_inferred = false,
    row_hash = t.row_hash,
    batch_id = t.batch_id
from timeline as t
where
    d.source_system = '{{ source }}'
    and d.{{ id }} = t.{{ id }}
    and d.valid_from = t.valid_from
    and (d.row_hash, d.valid_to, d.is_current, d.batch_id{% for other in references %}, d.{{ other }}_key{% endfor %})
    is distinct from (
        t.row_hash, t.valid_to, t.is_current, t.batch_id{% for other in references %}, t.{{ other }}_key{% endfor %}
    );

insert into star.{{ dimension }} (
    source_system, {{ id }}, {{ attributes | join(", ") }}, {% for other in references %}{{ other }}_key, {% endfor %}
    valid_from, valid_to, is_current, row_hash, batch_id
)
select
    t.source_system,
    t.{{ id }},
    {% for attribute in attributes %}t.{{ attribute }},
    {% endfor %}{% for other in references %}t.{{ other }}_key,
    {% endfor %}t.valid_from,
    t.valid_to,
    t.is_current,
    t.row_hash,
    t.batch_id
from timeline as t
where not exists (
    select 1 from star.{{ dimension }} as d
    where d.source_system = '{{ source }}' and d.{{ id }} = t.{{ id }} and d.valid_from = t.valid_from
)
order by t.{{ id }}, t.valid_from;

drop table touched, timeline;
