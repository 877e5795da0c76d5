{% from "reporting/sql/views/published.jinja" import published with context %}
select
{%- for field in fields %}
        t.{{ field }}{{ "," if not loop.last }}
{%- endfor %}
from {{ published(report) }} as t
