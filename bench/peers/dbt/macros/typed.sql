{# The value of a text in a type; what does not fit is missing. #}
{% macro typed(column, type) -%}
    case when pg_input_is_valid({{ column }}, '{{ type }}') then {{ column }}::{{ type }} end
{%- endmacro %}
{# A key that needs no look-up: whose version, and from which day. #}
{% macro version_key(member, valid_from) -%}
    md5({{ member }} || '|' || {{ valid_from }})::uuid
{%- endmacro %}
