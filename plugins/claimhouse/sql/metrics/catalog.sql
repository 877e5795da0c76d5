{% from 'sql/metrics/kinds.jinja' import VALUE -%}
-- $1: the metrics in force, as JSON; others are deleted. $2: what their views are made of, by its hash.
with kinds (kind, roll_up) as (
    values
    {%- for kind, value in VALUE.items() %}
        ('{{ kind }}', '{{ value }}'){{ ',' if not loop.last }}
    {%- endfor %}
),

given as (
    select m.*
    from jsonb_to_recordset($1::jsonb) as m (
        name text, title text, sentence text, owner text, unit text, kind text, source text, fact text,
        filter text, numerator text, denominator text, unknown text, member text, not_across text, dimensions text[]
    )
),

described as (
    select
        given.*,
        kinds.roll_up,
        coalesce(given.not_across, given.dimensions[1]) as example_cut
    from given
    inner join kinds on given.kind = kinds.kind
),

deleted as (
    delete from metrics.catalog as c
    where c.metric not in (select d.name from described as d)
)

insert into metrics.catalog (
    metric, title, sentence, owner, unit, kind, fact, filter, numerator, denominator, unknown, member, dimensions,
    not_across, roll_up, example, source, view_digest
)
select
    name as metric,
    title,
    trim(sentence) as sentence,
    owner,
    unit,
    kind,
    fact,
    filter,
    numerator,
    denominator,
    unknown,
    member,
    dimensions,
    not_across,
    roll_up,
    format(
        'select %1$s, %2$s as %3$s from metrics.%3$s group by %1$s order by %1$s', example_cut, roll_up, name
    ) as example,
    source,
    $2 as view_digest
from described
on conflict (metric) do update set
    title = excluded.title,
    sentence = excluded.sentence,
    owner = excluded.owner,
    unit = excluded.unit,
    kind = excluded.kind,
    fact = excluded.fact,
    filter = excluded.filter,
    numerator = excluded.numerator,
    denominator = excluded.denominator,
    unknown = excluded.unknown,
    member = excluded.member,
    dimensions = excluded.dimensions,
    not_across = excluded.not_across,
    roll_up = excluded.roll_up,
    example = excluded.example,
    source = excluded.source,
    view_digest = excluded.view_digest;
