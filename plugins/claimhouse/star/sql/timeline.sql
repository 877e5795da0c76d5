-- sqlfluff:templater:jinja:context:dimension:dim_provider
-- sqlfluff:templater:jinja:context:id:provider_id
-- sqlfluff:templater:jinja:context:key:provider_key
-- sqlfluff:templater:jinja:context:attributes:["first_name", "specialty"]
-- sqlfluff:templater:jinja:context:references:["facility"]
-- sqlfluff:templater:jinja:context:brought:["version_at", "started_on"]
-- sqlfluff:templater:jinja:context:batches:{4,5}
-- noqa: disable=LT02,LT05 (the lists are laid out as written, not as rendered)
-- Two tables of the load's members of star.{{ dimension }}: timeline, computed from all their source rows, and
-- known, what the star holds so far. Effective dates: docs/decisions/0001-scd2-effective-dates.md
{% import "star/sql/history.jinja" as history -%}
{% import "order.jinja" as one_order -%}
{% set version = "version_at" if "version_at" in brought else none -%}
create temp table touched on commit drop as
select distinct {{ id }}
from source_{{ source }}.star_{{ dimension }}
where batch_id = any('{{ batches }}'::bigint[]) and {{ id }} is not null;

analyze touched;

-- Every window runs from the newest version to the oldest, so that one sort serves all: lead() is the version
-- before, lag() the one after.
create temp table timeline on commit drop as
with version as (
    select
        v.*,
        {% for date in ["version_at", "started_on", "modified_on"] if date not in brought %}null::date as {{ date }},
        {% endfor %}b.received_date,
        b.newness,
        md5(row(
            v.{{ attributes | join(", v.") }}{% for other in references %}, v.{{ other }}_id{% endfor %}
        )::text)::uuid as row_hash
    from source_{{ source }}.star_{{ dimension }} as v
    inner join touched as t on v.{{ id }} = t.{{ id }}
    inner join landing.batch_order as b on v.batch_id = b.batch_id
    where b.state = 'loaded' or b.batch_id = any('{{ batches }}'::bigint[])
),

dated as (
    select
        *,
        case
            when lead({{ id }}) over newest_first is null then {{ history.first_day }}
            else greatest(
                coalesce(
                    case
                        when started_on is distinct from lead(started_on) over newest_first
                            then started_on
                    end,
                    modified_on,
                    received_date
                ),
                {{ history.first_day }}
            )
        end as takes_effect_on
    from version
    window newest_first as (
        partition by version.{{ id }} order by {{ one_order.newest_first("version", "version", version) }}
    )
),

-- A later version holds from its own date on, whatever earlier versions said about the days after.
overridden as (
    select
        *,
        min(takes_effect_on) over newest_first as valid_from
    from dated
    window newest_first as (
        partition by dated.{{ id }} order by {{ one_order.newest_first("dated", "dated", version) }}
    )
),

bounded as (
    select
        *,
        lag(valid_from, 1, {{ history.no_end }}) over newest_first as valid_to
    from overridden
    window newest_first as (
        partition by overridden.{{ id }} order by {{ one_order.newest_first("overridden", "overridden", version) }}
    )
),

-- Drop versions that hold on no day; merge equal neighbors into the first.
distinct_state as (
    select
        b.*,
        coalesce(b.row_hash <> lead(b.row_hash) over newest_first, true) as is_change
    from bounded as b
    where {{ history.has_length("b") }}
    window newest_first as (
        partition by b.{{ id }} order by {{ one_order.newest_first("b", "b", version) }}
    )
)

select
    s.source_system,
    s.{{ id }},
    {% for attribute in attributes %}s.{{ attribute }},
    {% endfor %}{% for other in references %}coalesce({{ other }}.{{ other }}_key, -1) as {{ other }}_key,
    {% endfor %}s.valid_from,
    lag(s.valid_from, 1, {{ history.no_end }}) over newest_first as valid_to,
    lag(s.valid_from) over newest_first is null as is_current,
    s.row_hash,
    s.batch_id
from distinct_state as s
{% for other in references %}left join star.dim_{{ other }} as {{ other }}
    on s.source_system = {{ other }}.source_system and s.{{ other }}_id = {{ other }}.{{ other }}_id
{% endfor %}where s.is_change
window newest_first as (
    partition by s.{{ id }} order by {{ one_order.newest_first("s", "s", version) }}
);

create temp table known on commit drop as
select
    d.{{ key }},
    d.{{ id }},
    d.valid_from,
    d.valid_to,
    d.is_current,
    d.is_inferred,
    d.row_hash,
    d.batch_id{% for other in references %},
    d.{{ other }}_key{% endfor %}
from star.{{ dimension }} as d
where d.source_system = '{{ source }}' and d.{{ id }} in (select touched.{{ id }} from touched);

analyze timeline ({{ id }}, valid_from), known ({{ id }}, valid_from);
