-- noqa: disable=LT02
-- The rows of a report, streamed: times in UTC, as an extract keeps them.
copy (
    select
{%- for column in columns %}
        t.{{ column.name }}{{ " at time zone 'UTC'" if column.physical_type == "timestamp with time zone" -}}
        {{ "," if not loop.last }}
{%- endfor %}
    from reporting.{{ report }} as t
) to stdout (format csv);
