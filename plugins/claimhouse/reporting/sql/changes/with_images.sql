-- sqlfluff:templater:jinja:context:tables:["dim_patient", "fact_claim"]
-- noqa: disable=LT02,LT05 (the list is laid out as written, not as rendered)
-- $1: a source system. The tables of the star of which it has changed rows.
{% for table in tables -%}
select '{{ table }}' as relation
where exists (select from change.{{ table }} as i where i.source_system = $1)
{{ "union all" if not loop.last }}
{% endfor -%}
order by relation;
