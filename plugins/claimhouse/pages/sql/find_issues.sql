-- sqlfluff:templater:jinja:context:by_batch:
-- noqa: disable=LT02,ST05
-- The newest issues that match. $1 source systems, $2 batches, $3 a part of the file's name, in lower case, $4 least
-- number, $5 below which number, $6 created from, $7 created before, $8 a part of the message, in lower case, $9 how
-- many, $10 the kinds, as JSON, $11 severity. Each kind, or batch, is read from its newest issue on.
{%- macro is_within() -%}
i.issue_id >= $4
            and i.issue_id < $5
            and ($6::timestamptz is null or i.created_at >= $6)
            and ($7::timestamptz is null or i.created_at < $7)
            and ($8::text is null or strpos(lower(i.message), $8) > 0)
            and ($11::text is null or i.severity = $11)
{%- endmacro -%}
{%- macro is_of_a_kind() -%}
exists (
                select from kind as k
                where
                    i.source_system = k.source_system
                    and coalesce(i.feed, '') = k.feed
                    and i.rule = k.rule
                    and i.status = k.status
            )
{%- endmacro %}
with kind as materialized (
    select k.*
    from jsonb_to_recordset($10) as k (source_system text, feed text, rule text, status text)
),

{% if by_batch %}
found as (
    select n.*
    from unnest($2::bigint[]) as b (batch_id)
    cross join lateral (
        select i.*
        from quality.issue as i
        where
            i.batch_id = b.batch_id
            and {{ is_within() }}
            and {{ is_of_a_kind() }}
        order by i.issue_id desc
        limit $9
    ) as n
    union all
    select i.*
    from quality.issue as i
    where
        i.batch_id is null
        and strpos(lower(i.file_name), $3) > 0
        and {{ is_within() }}
        and {{ is_of_a_kind() }}
)
{% else %}
found as (
    select n.*
    from kind as k
    cross join lateral (
        select i.*
        from quality.issue as i
        where
            i.source_system = k.source_system
            and coalesce(i.feed, '') = k.feed
            and i.rule = k.rule
            and i.status = k.status
            and {{ is_within() }}
        order by i.issue_id desc
        limit $9
    ) as n
)
{% endif %}

-- The last conditions give each parameter a type, whichever way was taken.
select f.issue_id
from found as f
where f.source_system = any($1) and $2::bigint[] is not null and ($3::text is null or true)
order by f.issue_id desc
limit $9;
