{% from "macros.jinja" import quoted with context %}
-- noqa: disable=LT02,LT05,LT01 (the lists are laid out as written, not as rendered)
-- What the metrics of the audience mean, of those that the source system has facts for.
{%- set ROLL_UP = {
    "sum": "adds up over the rows of a grain",
    "level": "adds up over the rows of a grain with the same {}; over several of them it does not",
    "ratio": "sum of the numerators divided by the sum of the denominators, over the rows of a grain",
    "share_of_members": "does not roll up: somebody may be counted in several rows. The total has a row of its own",
    "median": "does not roll up. The total has a row of its own",
} %}
select m.*
from (
    values
    (''::text, ''::text, ''::text, ''::text, ''::text, ''::text, ''::text, ''::text, ''::text)
    {%- for metric in described if metric.name in audience.metrics and source in metric.sources %},
    (
        '{{ source }}',
        {{ quoted([metric.name, metric.title]) }},
        {{ quoted([metric.sentence.strip()]) }},
        {{ quoted([metric.owner, metric.unit, metric.kind]) }},
        '{% for grain in audience.metrics[metric.name] -%}
        ({{ grain | join(", ") }}){{ " " if not loop.last }}
        {%- endfor %}',
        {{ quoted([ROLL_UP[metric.kind].replace("{}", metric.not_across or "")]) }}
    )
    {%- endfor %}
) as m (source_system, metric, title, sentence, owner, unit, kind, grains, roll_up)
where m.metric <> ''
