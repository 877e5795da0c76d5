-- sqlfluff:templater:jinja:context:record_key:claim_id
-- noqa: disable=LT02,LT05,LT01,LT12 (the lists are laid out as written, not as rendered)
-- Rows that take back an amount of a record known with a positive one, in whatever order the two came; $1 the batches
-- of which at least one brought one of the two. Conflicting copies that were quarantined are known too.
with negative as (
    select
        n.batch_id,
        n.row_number,
        {{ record_key }} as record_key,
        {% if version_column %}n.{{ version_column }}::text{% else %}null::text{% endif %} as record_version,
        n.{{ key | join(',\n        n.') }}
        {%- for column in amounts %},
        n.{{ column.name }}
        {%- endfor %}
    from {{ schema }}.{{ feed }} as n
    where {% include "verification/sql/is_negative.jinja" %}
),

concerned as materialized (
    select n.*
    from negative as n
    where
        n.batch_id = any($1)
        or (n.{{ key | join(', n.') }}) in (
            select
                t.{{ key | join(',\n                t.') }}
            from {{ schema }}.{{ feed }} as t
            where t.batch_id = any($1)
        )
),

known as (
    select
        {{ record_key }} as record_key
        {%- for column in amounts %},
        {{ column.name }}
        {%- endfor %}
    from {{ schema }}.{{ feed }}
    where ({{ key | join(', ') }}) in (
        select
            c.{{ key | join(',\n            c.') }}
        from concerned as c
    )
    union all
    select
        q.record_key
        {%- for column in amounts %},
        (q.amounts ->> '{{ column.name }}')::numeric as {{ column.name }}
        {%- endfor %}
    from quality.quarantine as q
    where
        q.source_system = '{{ source }}' and q.feed = '{{ feed }}' and q.amounts is not null
        and q.record_key in (select c.record_key from concerned as c)
),

highest as (
    select
        record_key
        {%- for column in amounts %},
        max({{ column.name }}) as {{ column.name }}
        {%- endfor %}
    from known
    group by record_key
),

judged as (
    select
        c.batch_id,
        c.row_number,
        c.record_key,
        c.record_version,
        concat_ws(
            '|'
            {%- for column in amounts %},
            case when c.{{ column.name }} < 0 and h.{{ column.name }} > 0 then '{{ column.name }}' end
            {%- endfor %}
        ) as reversed_columns,
        concat_ws(
            '|'
            {%- for column in amounts %},
            case when c.{{ column.name }} < 0 and h.{{ column.name }} > 0 then c.{{ column.name }} end
            {%- endfor %}
        ) as raw_value
    from concerned as c
    inner join highest as h on c.record_key = h.record_key
)

select * from judged
where reversed_columns <> ''
order by batch_id, row_number;
